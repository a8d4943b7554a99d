// The floor for minimal.ts.
import { FloorObject, route } from "./floor.ts";

interface Env {
  MyAgent: DurableObjectNamespace<MyAgent>;
}

export class MyAgent extends FloorObject {
  protected override agent = "my-agent";
}

export default {
  fetch: (request, env) => route(env.MyAgent, request)
} satisfies ExportedHandler<Env>;
