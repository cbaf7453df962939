import { type Client, JobState } from "@rfe/client";
import { one } from "./rows.js";

/** Step 5: what could not be landed, and landing it again. */
export async function letters(client: Client) {
  const open = await client.letters({ source: "scenario_events", state: "open" }, { pageSize: 7 }).all();
  const id = open.find(({ eventId }) => eventId === "e-499")?.id;
  if (id === undefined) {
    throw new Error("e-499 has no letter");
  }
  const letter = await client.letter(id);
  const replay = await client.replayLetter(id, { raw: '{"n": 499, "word": "mended"}' });
  const job = await client.waitJob(replay.jobId);
  const again = await client.replayLetter(id);
  const { rows } = await one(client, "SELECT count(*) AS rows FROM scenario_events");
  return {
    letters: open.length,
    letters_distinct: new Set(open.map((one) => one.id)).size,
    letter: {
      kind: letter.kind,
      code: letter.code,
      field_path: letter.fieldPath,
      raw: new TextDecoder().decode(letter.rawBase64),
    },
    replayed: { state: JobState[job.state], already: replay.alreadyReplayed },
    replayed_again: { already: again.alreadyReplayed },
    rows_after_replay: Number(rows),
    letter_state: (await client.letter(id)).state,
  };
}
