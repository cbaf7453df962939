import { setTimeout as sleep } from "node:timers/promises";
import { type Client, ResourceExhaustedError } from "@rfe/client";
import { one } from "./rows.js";
import { landed } from "./work.js";

const SOURCE = "scenario_full";

/** Step 7: a full queue refuses a single call. */
export async function full(client: Client) {
  await client.pauseSource(SOURCE);
  for (let taken = 0; ; taken++) {
    try {
      await client.submitEvents(SOURCE, [{ json: { n: taken } }]);
    } catch (error) {
      if (error instanceof ResourceExhaustedError) {
        const { code, reason, retryAfter } = error;
        return { exhausted: { code, reason, taken, retry_after: (retryAfter ?? 0) > 0 } };
      }
      throw error;
    }
  }
}

/** Step 7: a sender waits until there is room. */
export async function backPressure(client: Client) {
  const sender = client.eventSender(SOURCE, { maxEvents: 50 });
  let done = false;
  const sending = (async () => {
    for (let n = 1000; n < 2000; n++) {
      await sender.send({ json: { n } });
    }
    const summary = await sender.finish();
    done = true;
    return summary;
  })();
  await sleep(1500);
  const waited = !done && sender.summary.accepted === 0;
  await client.resumeSource(SOURCE);
  const { accepted } = await sending;
  await landed(client, SOURCE);
  const { rows } = await one(client, `SELECT count(*) AS rows FROM ${SOURCE}`);
  return { pressed: { waited, accepted }, rows_full: Number(rows) };
}
