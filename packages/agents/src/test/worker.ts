import { DurableObject } from "cloudflare:workers";

export { a as MinifiedAgent, Awake, Blank, Faulty, Heir, Recorder, Starter } from "./agents";

/** An object with nothing in it: storage for tests to run capabilities on. */
export class BareObject extends DurableObject {}

export default {
  fetch: () => new Response("not found", { status: 404 })
};
