// minimal.ts, telling which modules were evaluated. In a build in which each notes that.
import worker, { MyAgent } from "./minimal.ts";

export { MyAgent };

export default {
  fetch(request, env) {
    if (new URL(request.url).pathname === "/evaluated") return Response.json(globalThis.evaluated);
    return worker.fetch(request, env);
  }
} satisfies ExportedHandler<Cloudflare.Env>;

declare global {
  var evaluated: string[];
}
