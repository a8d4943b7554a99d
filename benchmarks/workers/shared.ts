// What the Workers of every implementation share, so that all do the same work.

export interface SmallState {
  rev: number;
  status: string;
  players: string[];
  score: number;
  note: string;
}

export interface LargeState {
  /** Left out, a change of an entry is the only one. */
  rev?: number;
  items: Record<string, Entry>;
}

interface Entry {
  id: number;
  title: string;
  owner: string;
  done: boolean;
  rev: number;
  tags: string[];
}

/** About 100 bytes of JSON. `rev` comes first: the load generator reads it there. */
export function smallState(rev: number): SmallState {
  return { rev, status: "playing", players: ["ada", "grace", "edsger"], score: rev * 3, note: "a short note" };
}

/** About 100 KB of JSON: 1,000 entries. */
export function entries(rev: number): LargeState["items"] {
  const items: LargeState["items"] = {};
  for (let index = 0; index < 1000; index++) items[nameOf(index)] = entry(index, rev);
  return items;
}

/** The entries with one changed, as a program would write it. */
export function changeOne(items: LargeState["items"], rev: number): LargeState["items"] {
  const index = rev % 1000;
  return { ...items, [nameOf(index)]: entry(index, rev) };
}

const nameOf = (index: number) => `item-${String(index).padStart(4, "0")}`;

function entry(index: number, rev: number): Entry {
  return {
    id: index,
    title: `task number ${index}`,
    owner: "ada",
    done: index % 3 === 0,
    rev,
    tags: ["one", "two"]
  };
}
