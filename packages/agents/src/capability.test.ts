import { env, runInDurableObject } from "cloudflare:test";
import { expect, it } from "vitest";
import { installCapability } from "./capability";
import { errorOf } from "./test/kit";

const agent = (name: string) => env.Recorder.get(env.Recorder.idFromName(name));

it.each([
  ["under another name than its own", "other", "mine", 'The capability "mine" was installed as "other"'],
  ["under a name that is taken", "state", "state", 'This agent has a capability "state" already']
])("refuses a capability that is installed %s", async (_title, name, own, message) => {
  await runInDurableObject(agent(`capability ${name}`), async (recorder) => {
    const error = await errorOf(async () => installCapability(recorder, name, () => ({ name: own })));
    expect(error).toMatchObject({ code: "CAPABILITY_INVALID", message });
  });
});
