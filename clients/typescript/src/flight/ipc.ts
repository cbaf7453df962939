import { Message } from "apache-arrow";

/** A message of an Arrow IPC stream as Flight sends it: header and body apart. */
export interface IpcMessage {
  readonly dataHeader: Uint8Array;
  readonly dataBody: Uint8Array;
}

const CONTINUATION = 0xffffffff;
const PREFIX_BYTES = 8;

/**
 * A message as it stands in an IPC stream: marker, length, header, body, each at a multiple of eight bytes. The bytes are fresh: the
 * ones of the wire may lie anywhere, and typed arrays can't.
 */
export function encapsulated({ dataHeader, dataBody }: IpcMessage): Uint8Array {
  const headerBytes = Math.ceil(dataHeader.length / 8) * 8;
  const bytes = new Uint8Array(PREFIX_BYTES + headerBytes + dataBody.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, CONTINUATION, true);
  view.setUint32(4, headerBytes, true);
  bytes.set(dataHeader, PREFIX_BYTES);
  bytes.set(dataBody, PREFIX_BYTES + headerBytes);
  return bytes;
}

/** The messages of a whole IPC stream. */
export function* messagesOf(stream: Uint8Array): Generator<IpcMessage, void, undefined> {
  const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength);
  let at = 0;
  while (at + PREFIX_BYTES <= stream.length) {
    const headerBytes = view.getUint32(at + 4, true);
    if (headerBytes === 0) {
      return;
    }
    const bodyAt = at + PREFIX_BYTES + headerBytes;
    const dataHeader = stream.subarray(at + PREFIX_BYTES, bodyAt);
    const end = bodyAt + Message.decode(dataHeader).bodyLength;
    yield { dataHeader, dataBody: stream.subarray(bodyAt, end) };
    at = end;
  }
}
