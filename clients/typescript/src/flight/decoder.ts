import { Message, RecordBatch, RecordBatchReader, type Schema } from "apache-arrow";
import { encapsulated, type IpcMessage } from "./ipc.js";

/**
 * Makes record batches of the messages of one result, each as soon as it is there. Arrow's own reader of asynchronous streams gives a
 * batch only once the message behind it has come.
 */
export class Decoder {
  /** The columns. */
  readonly schema: Schema;
  // What stands before each batch: the schema, and the dictionaries so far.
  readonly #before: Uint8Array[];

  /**
   * One for the result that begins with this message.
   *
   * @throws {Error} if it is no schema.
   */
  constructor(first: IpcMessage) {
    this.#before = [encapsulated(first)];
    const reader = RecordBatchReader.from(this.#before);
    reader.open();
    if (!reader.schema) {
      throw new Error("the answer does not begin with a schema");
    }
    this.schema = reader.schema;
  }

  /**
   * The rows of a message; undefined: it has none.
   *
   * @throws {Error} if it is no message of Arrow.
   */
  decode(message: IpcMessage): RecordBatch | undefined {
    const header = Message.decode(message.dataHeader);
    if (header.isDictionaryBatch()) {
      this.#before.push(encapsulated(message));
    }
    if (!header.isRecordBatch() || header.header().length === 0) {
      return undefined;
    }
    const reader = RecordBatchReader.from([...this.#before, encapsulated(message)]);
    const { value } = reader.open().next();
    return new RecordBatch(this.schema, value.data);
  }
}
