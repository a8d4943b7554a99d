// What a repository tells of itself: the server stores it, the page shows it.

export interface RepositoryEvent {
  /** What GitHub calls this delivery. */
  id: string;
  /** `push`, `issues`, `star` … */
  type: string;
  actor: string;
  title: string;
  /** Where on GitHub it can be seen. */
  url: string | null;
  receivedAt: number;
}

export interface RepositoryState {
  fullName: string | null;
  stars: number;
  total: number;
  /** The latest first. */
  latest: RepositoryEvent[];
}
