import assert from "node:assert/strict";
import { test } from "node:test";
import { Client, InvalidArgumentError, type TlsFiles } from "@rfe/client";

function refused(tls: TlsFiles): string {
  let message = "";
  assert.throws(
    () => new Client({ url: "https://127.0.0.1:1", tls }),
    (error) => {
      message = error instanceof InvalidArgumentError ? error.message : "";
      return error instanceof InvalidArgumentError;
    },
  );
  return message;
}

test("a file that can not serve is named with its setting", () => {
  assert.match(refused({ ca: "/nowhere/ca.pem" }), /^RFE_TLS_CA: \/nowhere\/ca\.pem: /);
  assert.match(refused({ certificate: "/nowhere/me.pem" }), /needs RFE_TLS_CLIENT_KEY beside it/);
  assert.match(refused({ key: "/nowhere/me.key" }), /needs RFE_TLS_CLIENT_CERT beside it/);
  assert.match(refused({ ca: import.meta.filename }), /holds no certificate in PEM form/);
});

test("files of TLS do not matter to an address without it", async () => {
  await using client = new Client({ url: "http://127.0.0.1:1", tls: { ca: "/nowhere/ca.pem" } });
  assert.equal(client.endpoints.ingest, "http://127.0.0.1:1");
});
