import { expect, it, vi } from "vitest";
import { FakeClock } from "./fake-clock.node";
import { Heartbeat } from "./heartbeat";

function setup(intervalMs = 25_000) {
  const clock = new FakeClock();
  const [ping, dead] = [vi.fn(), vi.fn()];
  const heartbeat = new Heartbeat({ clock, ping, dead });
  heartbeat.start(intervalMs);
  return { clock, ping, dead, heartbeat };
}

it("asks after nothing arrived for the interval, and finds a dead connection within 40 s", () => {
  const { clock, ping, dead } = setup();
  clock.pass(24_999);
  expect(ping).not.toHaveBeenCalled();
  clock.pass(1);
  expect(ping).toHaveBeenCalledOnce();
  clock.pass(9999);
  expect(dead).not.toHaveBeenCalled();
  clock.pass(1);
  expect([dead.mock.calls.length, clock.now(), clock.timers]).toEqual([1, 35_000, 0]);
});

it("finds a connection dead within 40 s of the last message, whenever that was", () => {
  for (let lastMs = 0; lastMs <= 50_000; lastMs += 1000) {
    const { clock, dead, heartbeat } = setup();
    for (let ms = 0; ms < lastMs; ms += 1000) {
      clock.pass(1000);
      heartbeat.heard();
    }
    clock.pass(34_999);
    expect(dead).not.toHaveBeenCalled();
    clock.pass(1);
    expect(dead).toHaveBeenCalledOnce();
  }
});

it("goes on while anything arrives, with one timer for many messages", () => {
  const { clock, ping, dead, heartbeat } = setup();
  for (let n = 0; n < 1000; n++) {
    clock.pass(100);
    heartbeat.heard();
    expect(clock.timers).toBe(1);
  }
  expect(ping).not.toHaveBeenCalled();
  clock.pass(25_000);
  expect(ping).toHaveBeenCalledOnce();
  clock.pass(5000);
  heartbeat.heard();
  clock.pass(24_999);
  expect([ping.mock.calls.length, dead.mock.calls.length]).toEqual([1, 0]);
});

it("asks at once when told to, once", () => {
  const { clock, ping, dead, heartbeat } = setup();
  clock.pass(1000);
  heartbeat.probe();
  heartbeat.probe();
  expect(ping).toHaveBeenCalledOnce();
  clock.pass(9000);
  heartbeat.probe();
  clock.pass(1000);
  expect([ping.mock.calls.length, dead.mock.calls.length]).toEqual([1, 1]);
});

it("waits as long for an answer as it is told to", () => {
  const { clock, dead, heartbeat } = setup();
  heartbeat.probe(5000);
  clock.pass(4999);
  expect(dead).not.toHaveBeenCalled();
  clock.pass(1);
  expect(dead).toHaveBeenCalledOnce();
});

it("is still when it is stopped, or was told never to ask", () => {
  const stopped = setup();
  stopped.heartbeat.probe();
  stopped.heartbeat.stop();
  const never = setup(0);
  for (const { clock, dead, heartbeat } of [stopped, never]) {
    heartbeat.heard();
    heartbeat.probe();
    expect(clock.timers).toBe(0);
    clock.pass(100_000);
    expect(dead).not.toHaveBeenCalled();
  }
  expect(never.ping).not.toHaveBeenCalled();
});
