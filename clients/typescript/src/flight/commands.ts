import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { AnySchema, anyPack, anyUnpack } from "@bufbuild/protobuf/wkt";

/** A message of Flight SQL as Flight carries it: packed into an `Any`. */
export function pack<Desc extends DescMessage>(schema: Desc, message: MessageInitShape<Desc>): Uint8Array {
  return toBinary(AnySchema, anyPack(schema, create(schema, message)));
}

/** The message of Flight SQL in these bytes; undefined if they hold another one. */
export function unpack<Desc extends DescMessage>(schema: Desc, bytes: Uint8Array): MessageShape<Desc> | undefined {
  return anyUnpack(fromBinary(AnySchema, bytes), schema);
}
