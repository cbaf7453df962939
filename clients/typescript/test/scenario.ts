// The scenario that every client of `rfe` goes through: a program that prints one JSON document of what it saw.
import { Client } from "@rfe/client";
import { authorization, unreachable } from "./scenario/access.js";
import { cancelled, queryDeadline } from "./scenario/deadlines.js";
import { letters } from "./scenario/letters.js";
import { backPressure, full } from "./scenario/pressure.js";
import { errors, rows, types } from "./scenario/rows.js";
import { applied, sent, watched } from "./scenario/work.js";

type Step = (client: Client) => Promise<Record<string, unknown>>;

const STEPS: readonly Step[] = [
  applied,
  sent,
  watched,
  rows,
  types,
  letters,
  errors,
  full,
  backPressure,
  cancelled,
  queryDeadline,
  authorization,
  unreachable,
];

async function main(): Promise<void> {
  await using client = new Client();
  const seen: Record<string, unknown> = { language: "typescript" };
  for (const step of STEPS) {
    try {
      Object.assign(seen, await step(client));
    } catch (error) {
      throw new Error(`${step.name} went wrong`, { cause: error });
    }
  }
  process.stdout.write(`${JSON.stringify(seen)}\n`);
}

main().catch((error) => {
  process.stderr.write(`${error instanceof Error ? `${error.message}: ${(error.cause as Error)?.stack}` : error}\n`);
  process.exitCode = 1;
});
