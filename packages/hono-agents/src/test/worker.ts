import { Agent, callable, type Connection } from "agents";

/** An agent behind a Hono application. */
export class RoomAgent extends Agent<Cloudflare.Env, { notes: string[] }, { who?: string }> {
  override initialState = { notes: [] as string[] };
  who: string | undefined;
  override onStart(props?: { who?: string }) {
    this.who = props?.who;
  }
  override async onRequest(request: Request) {
    const { pathname } = new URL(request.url);
    if (pathname.endsWith("/throw")) throw new Error("thrown in onRequest");
    return Response.json(
      { name: this.name, who: this.who, method: request.method, body: await request.text() },
      { headers: { "X-Agent": "room" } }
    );
  }
  override onConnect(connection: Connection) {
    connection.send(`welcome to ${this.name}`);
  }
  @callable()
  note(text: string) {
    this.setState({ notes: [...this.state.notes, text] });
    return this.state.notes.length;
  }
}

export default {
  fetch: () => new Response("not found", { status: 404 })
};
