import { type Client, DeadlineExceededError, JobState } from "@rfe/client";
import { thrown } from "./rows.js";

const SOURCE = "scenario_numbers";
const ENDLESS = "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE (a.range * b.range) % 7 = 3";

/** Step 8: a watch ends at its deadline, and a job that waits can be cancelled. */
export async function cancelled(client: Client) {
  await client.pauseSource(SOURCE);
  const { job } = await client.submitJob(SOURCE);
  const watch = async () => {
    for await (const _ of client.watchJob(job.jobId, { deadline: 500 })) {
      // Until the error.
    }
  };
  const deadline = await promptly(watch());
  const { state } = await client.cancelJob(job.jobId);
  await client.resumeSource(SOURCE);
  return { deadline, cancelled: JobState[state] };
}

/** Step 8: so does a query. */
export async function queryDeadline(client: Client) {
  const query = async () => (await client.query(ENDLESS, { deadline: 500 })).table();
  return { sql_deadline: await promptly(query()) };
}

async function promptly(call: Promise<unknown>) {
  const begun = performance.now();
  const { code } = await thrown(call, DeadlineExceededError);
  return { code, prompt: performance.now() - begun < 5000 };
}
