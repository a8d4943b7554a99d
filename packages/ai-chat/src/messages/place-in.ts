interface Placed {
  readonly message: { readonly id: string };
  readonly place: string;
}

/** Puts an entry where it was, or where its place is. Equal places, as an older release wrote them, stay in the order of their rows. */
export function placeIn<Entry extends Placed>(entry: Entry, entries: Entry[]): void {
  const known = entries.findLastIndex(({ message }) => message.id === entry.message.id);
  if (known >= 0) entries[known] = entry;
  else entries.splice(entries.findLastIndex((other) => other.place <= entry.place) + 1, 0, entry);
}
