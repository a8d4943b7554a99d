/** The operations of a JSON Patch as text, in the order in which they apply. A value in it is a part of the state's text. */
export class Operations {
  #list: (string | undefined)[] = [];
  /** How long the patch is. */
  length = 2;

  /** How many there are, and the number of the next one. */
  get count(): number {
    return this.#list.length;
  }

  add(pointer: string, value: string): void {
    this.#push(`{"op":"add","path":${JSON.stringify(pointer)},"value":${value}}`);
  }

  replace(pointer: string, value: string): void {
    this.#push(`{"op":"replace","path":${JSON.stringify(pointer)},"value":${value}}`);
  }

  remove(pointer: string): void {
    this.#push(`{"op":"remove","path":${JSON.stringify(pointer)}}`);
  }

  #push(operation: string): void {
    this.#list.push(operation);
    this.length += operation.length + 1;
  }

  /** Takes one back; the others keep their numbers. */
  cancel(number: number): void {
    this.length -= (this.#list[number]?.length ?? -1) + 1;
    this.#list[number] = undefined;
  }

  /** Takes back all but the first ones, which are that long. */
  truncate(count: number, length: number): void {
    this.#list.length = count;
    this.length = length;
  }

  /** `undefined` if there are none. */
  toText(): string | undefined {
    const operations = this.#list.filter((operation) => operation !== undefined);
    return operations.length > 0 ? `[${operations.join(",")}]` : undefined;
  }
}
