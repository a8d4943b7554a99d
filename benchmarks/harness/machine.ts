// What else runs on the machine: figures of a busy one are to be read with care.
import { readFileSync } from "node:fs";

const ticksASecond = 100;

/** Returns a function that gives the CPU seconds used since by processes other than this one and its children. */
export function busyElsewhere(): () => number {
  const before = elsewhereSeconds();
  return () => elsewhereSeconds() - before;
}

function elsewhereSeconds(): number {
  const [all] = readFileSync("/proc/stat", "utf8").split("\n");
  const [, user, nice, system, , , interrupts, softInterrupts] = all!.split(/\s+/).map(Number);
  const own = readFileSync("/proc/self/stat", "utf8");
  // After the name, which may contain spaces: user and system time, of the process and of the children that ended.
  const mine = own
    .slice(own.lastIndexOf(")") + 2)
    .split(" ")
    .slice(11, 15);
  const ticks =
    user! + nice! + system! + interrupts! + softInterrupts! - mine.reduce((sum, text) => sum + Number(text), 0);
  return ticks / ticksASecond;
}
