import { type Client, hasEnded, type Job, JobState } from "@rfe/client";

/** The events that are sent, all in all. */
export const EVENTS = 10_000;

/** Step 1: sources are created once. */
export async function applied(client: Client) {
  const sources = [
    { name: "scenario_events", kind: "webhook", columns: { n: "BIGINT", word: "VARCHAR" } },
    { name: "scenario_numbers", kind: "synthetic", config: { count: 1000, rate: 0, seed: 7, error_share: 0 } },
    { name: "scenario_full", kind: "webhook", columns: { n: "BIGINT" } },
  ];
  const actions = async () => (await client.applySources(sources)).map(({ action }) => action);
  return { applied: await actions(), applied_again: await actions() };
}

/** Step 2: any number of events, some of them twice. */
export async function sent(client: Client) {
  const sender = client.eventSender("scenario_events");
  for (const number of [...Array(EVENTS).keys(), ...Array(500).keys()]) {
    const n = number % 500 === 499 ? `"bad ${number}"` : number;
    await sender.send({ eventId: `e-${number}`, payload: `{"n": ${n}, "word": "w${number % 7}"}` });
  }
  const { accepted, duplicates, rejected } = await sender.finish();
  return { sent: { accepted, duplicates, rejected: rejected.length } };
}

/** Step 3: a job that is watched until it has ended. */
export async function watched(client: Client) {
  const { job } = await client.submitJob("scenario_numbers");
  const states: Job[] = [];
  for await (const change of client.watchJob(job.jobId)) {
    states.push(change);
  }
  const last = states.at(-1);
  const again = await client.submitJob("scenario_numbers", { requestId: job.jobId });
  return {
    watched: {
      state: JobState[last?.state ?? JobState.UNSPECIFIED],
      rows_landed: Number(last?.rowsLanded),
      ended_once: states.filter(hasEnded).length === 1,
    },
    same_job: again.job.jobId === job.jobId && !again.created,
  };
}

/** Waits until a source has no event in the queue. */
export async function landed(client: Client, source: string): Promise<void> {
  await until(`${source} has no event in the queue`, async () => {
    const { total } = await client.queueStats(source);
    return total?.events === 0n;
  });
}

/** Waits for a condition, at most a minute. */
export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 60_000;
  while (!(await holds())) {
    if (performance.now() > end) {
      throw new Error(`waited in vain: ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
