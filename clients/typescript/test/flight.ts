import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { AnySchema, anyPack, anyUnpack } from "@bufbuild/protobuf/wkt";
import type { HandlerContext } from "@connectrpc/connect";
import { type RecordBatch, RecordBatchStreamWriter, type Schema, type Table, tableFromIPC } from "apache-arrow";
import { encapsulated, messagesOf } from "../src/flight/ipc.js";
import { type FlightData, FlightService } from "../src/gen/arrow/flight/Flight_pb.js";
import {
  ActionCreatePreparedStatementRequestSchema,
  ActionCreatePreparedStatementResultSchema,
  CommandPreparedStatementQuerySchema,
  CommandStatementQuerySchema,
  DoPutPreparedStatementResultSchema,
} from "../src/gen/arrow/flight/FlightSql_pb.js";
import { Platform } from "./platform.js";

/** What a query service does. */
export interface Answering {
  /** The messages of the rows. */
  rows: (sql: string, context: HandlerContext) => AsyncIterable<Part> | Iterable<Part>;
  /** Says no to a statement. */
  refuse?: (sql: string) => Error | undefined;
}

type Part = { dataHeader?: Uint8Array; dataBody?: Uint8Array; appMetadata?: Uint8Array };

/** A query service that speaks Flight SQL, and remembers what was asked and bound. */
export async function querying({ rows, refuse }: Answering) {
  const seen = { calls: [] as string[], bound: undefined as Table | undefined, unsent: 0 };
  const note = (call: string, sql: string) => {
    seen.calls.push(call);
    const error = refuse?.(sql);
    if (error) {
      throw error;
    }
  };
  const platform = await Platform.start((router) =>
    router.service(FlightService, {
      getFlightInfo({ cmd }) {
        const any = fromBinary(AnySchema, cmd);
        const statement = anyUnpack(any, CommandStatementQuerySchema);
        const prepared = anyUnpack(any, CommandPreparedStatementQuerySchema);
        const sql = statement?.query ?? new TextDecoder().decode(prepared?.preparedStatementHandle);
        note(statement ? "info" : "info of prepared", sql);
        return { endpoint: [{ ticket: { ticket: new TextEncoder().encode(sql) } }] };
      },
      async *doGet({ ticket }, context) {
        seen.calls.push("get");
        yield* rows(new TextDecoder().decode(ticket), context);
      },
      async *doPut(messages) {
        seen.calls.push("put");
        const parts: FlightData[] = [];
        for await (const message of messages) {
          parts.push(message);
        }
        seen.bound = tableFromIPC(parts.map(encapsulated));
        const any = fromBinary(AnySchema, parts[0]?.flightDescriptor?.cmd ?? new Uint8Array());
        const handle = anyUnpack(any, CommandPreparedStatementQuerySchema)?.preparedStatementHandle;
        const bound = new TextEncoder().encode(`${new TextDecoder().decode(handle)} (bound)`);
        const result = create(DoPutPreparedStatementResultSchema, { preparedStatementHandle: bound });
        yield { appMetadata: toBinary(DoPutPreparedStatementResultSchema, result) };
      },
      async *doAction({ type, body }) {
        note(type, "");
        const request = anyUnpack(fromBinary(AnySchema, body), ActionCreatePreparedStatementRequestSchema);
        if (request) {
          const answer = create(ActionCreatePreparedStatementResultSchema, {
            preparedStatementHandle: new TextEncoder().encode(request.query),
          });
          yield { body: toBinary(AnySchema, anyPack(ActionCreatePreparedStatementResultSchema, answer)) };
        }
      },
    }),
  );
  return { platform, seen };
}

/** The messages of these batches as a service sends them: the schema first. */
export function partsOf(schema: Schema, batches: readonly RecordBatch[] = []): Part[] {
  const writer = new RecordBatchStreamWriter();
  writer.reset(undefined, schema);
  for (const batch of batches) {
    writer.write(batch);
  }
  writer.finish();
  return [...messagesOf(writer.toUint8Array(true))];
}
