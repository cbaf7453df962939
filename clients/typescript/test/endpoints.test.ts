import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { Client, InvalidArgumentError } from "@rfe/client";
import { checkUrl, DEFAULT_URL, readEndpoints } from "../src/endpoints.js";

function urls(options: Parameters<typeof readEndpoints>[0], environment: Record<string, string>) {
  const { ingest, metadata, scheduler, dlq, query } = readEndpoints(options, environment);
  return { ingest, metadata, scheduler, dlq, query };
}

function single(url: string) {
  return { ingest: url, metadata: url, scheduler: url, dlq: url, query: url };
}

test("one address is that of all services unless one is overridden", () => {
  assert.deepEqual(urls({}, {}), single(DEFAULT_URL));
  const some = { RFE_URL: "http://a:1", RFE_QUERY_URL: "http://q:2", RFE_DLQ_URL: " " };
  assert.deepEqual(urls({}, some), { ...single("http://a:1"), query: "http://q:2" });
  const one = urls({ url: "http://b:1" }, { RFE_URL: "http://a:1", RFE_METADATA_URL: "http://m:2" });
  assert.deepEqual(one, { ...single("http://b:1"), metadata: "http://m:2" });
  const explicit = urls({ url: "b:1", metadataUrl: "c:1" }, { RFE_METADATA_URL: "http://m:2" });
  assert.deepEqual(explicit, { ...single("http://b:1"), metadata: "http://c:1" });
});

test("token and files of TLS come from the environment unless they are given", () => {
  const environment = { RFE_TOKEN: " secret\n", RFE_TLS_CA: "/ca.pem", RFE_TLS_CLIENT_CERT: "" };
  const read = readEndpoints({}, environment);
  assert.equal(read.token, "secret");
  assert.deepEqual(read.tls, { ca: "/ca.pem", certificate: undefined, key: undefined });
  const given = readEndpoints({ token: "", tls: { ca: "/other.pem" } }, environment);
  assert.equal(given.token, undefined);
  assert.equal(given.tls.ca, "/other.pem");
});

test("addresses that can not work are refused", () => {
  assert.equal(checkUrl("127.0.0.1:50051/"), "http://127.0.0.1:50051");
  assert.equal(checkUrl("https://rfe.example/"), "https://rfe.example");
  assert.equal(checkUrl("[::1]:50051"), "http://[::1]:50051");
  for (const wrong of ["", "http://", "https://", "ftp://a", "http://a b", "http://a/path", "http://a:no"]) {
    assert.throws(() => checkUrl(wrong), InvalidArgumentError, wrong);
  }
  assert.throws(() => new Client("ftp://a"), {
    message: "`ftp://a` is no address of a service: write it like http://127.0.0.1:50051",
  });
});

test("a token that can not be a header is refused and not shown", () => {
  assert.throws(
    () => new Client({ token: "sécret" }),
    (error) => error instanceof InvalidArgumentError && !error.message.includes("sécret"),
  );
});

test("a token is not shown", () => {
  const client = new Client({ url: "http://127.0.0.1:1", token: "s3cret" });
  const shown = inspect(client, { depth: 20, showHidden: true }) + JSON.stringify(client) + String(client);
  assert.ok(!shown.includes("s3cret"), shown);
  assert.ok(inspect(client).includes("http://127.0.0.1:1"));
});
