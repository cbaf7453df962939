import { type Client, InvalidArgumentError, NotFoundError } from "@rfe/client";
import { EVENTS, landed } from "./work.js";

interface EventRow {
  readonly _event_id: string;
  readonly n: bigint;
  readonly word: string;
}

/** The first row of a query. */
export async function one(client: Client, sql: string, parameters: readonly (string | number)[] = []) {
  const rows = await client.query(sql, { parameters });
  for await (const row of rows.objects<Record<string, bigint>>()) {
    return row;
  }
  throw new Error(`no row: ${sql}`);
}

/** Step 4: what was sent is there. */
export async function rows(client: Client) {
  await landed(client, "scenario_events");
  const totals = await one(client, "SELECT count(*) AS rows, sum(n)::BIGINT AS sum FROM scenario_events");
  const counted = await one(client, "SELECT count(*) AS rows FROM scenario_events WHERE word = ? AND n < ?", [
    "w3",
    700,
  ]);
  const empty = await client.query("SELECT n, word FROM scenario_events WHERE false");
  const columns = empty.schema.fields.map(({ name }) => name);
  return {
    rows: Number(totals["rows"]),
    sum: Number(totals["sum"]),
    all_rows_match: await allRowsMatch(client),
    by_parameters: Number(counted["rows"]),
    empty: { rows: (await empty.table()).numRows, columns },
  };
}

async function allRowsMatch(client: Client): Promise<boolean> {
  const wanted = [...Array(EVENTS).keys()].filter((number) => number % 500 !== 499);
  const sql = "SELECT _event_id, n, word FROM scenario_events ORDER BY n";
  let at = 0;
  for await (const row of (await client.query(sql)).objects<EventRow>()) {
    const number = wanted[at++];
    if (
      number === undefined ||
      row._event_id !== `e-${number}` ||
      row.n !== BigInt(number) ||
      row.word !== `w${number % 7}`
    ) {
      return false;
    }
  }
  return at === wanted.length;
}

const TYPES = `SELECT 1::INTEGER AS i, 9007199254740993::BIGINT AS b, 2.50::DECIMAL(9,2) AS d, DATE '2024-02-29' AS day,
  TIMESTAMPTZ '2024-02-29 12:34:56.789012+00' AS at, 'ä' AS s, NULL::VARCHAR AS nothing, true AS t, [1,2] AS l, '\\xAA'::BLOB AS blob`;

/** Step 4: values keep their types. */
export async function types(client: Client) {
  for await (const row of (await client.query(TYPES)).objects<Record<string, unknown>>()) {
    return { types: JSON.parse(JSON.stringify(row, asText)) };
  }
  throw new Error("no row of types");
}

function asText(_: string, value: unknown): unknown {
  if (value instanceof Uint8Array) {
    return Buffer.from(value).toString("hex");
  }
  return typeof value === "bigint" || typeof value === "number" ? String(value) : value;
}

/** Step 6: errors have classes and reasons, those of SQL too. */
export async function errors(client: Client) {
  return {
    not_found: await refusal(client.source("nothing_here"), NotFoundError),
    sql_error: await refusal(client.query("SELECT nothing FROM scenario_events"), InvalidArgumentError),
  };
}

type ErrorClass<E> = new (...parameters: never[]) => E;

/** The error of this class with which a call ends, as code and reason. */
export async function refusal<E extends { code: string; reason: string | undefined }>(
  call: Promise<unknown>,
  errorClass: ErrorClass<E>,
) {
  const { code, reason } = await thrown(call, errorClass);
  return { code, reason };
}

/** The error of this class with which a call ends. */
export async function thrown<E>(call: Promise<unknown>, errorClass: ErrorClass<E>): Promise<E> {
  try {
    await call;
  } catch (error) {
    if (error instanceof errorClass) {
      return error;
    }
    throw error;
  }
  throw new Error(`no ${errorClass.name} came`);
}
