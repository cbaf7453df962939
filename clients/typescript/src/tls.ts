import { readFileSync } from "node:fs";
import type { SecureClientSessionOptions } from "node:http2";
import * as tls from "node:tls";
import { InvalidArgumentError } from "./errors.js";

/** Paths of files for `https://` addresses, all PEM. Without any, Node's authorities are trusted and no certificate is shown. */
export interface TlsFiles {
  /** Authorities that are trusted beside Node's (`RFE_TLS_CA`). */
  ca?: string | undefined;
  /** The certificate to show, where a server wants one (`RFE_TLS_CLIENT_CERT`). */
  certificate?: string | undefined;
  /** Its private key (`RFE_TLS_CLIENT_KEY`). */
  key?: string | undefined;
}

/**
 * What Node needs to speak TLS with these files.
 *
 * @throws {InvalidArgumentError} if a file can't be used, or certificate and key are not there together.
 */
export function sessionOptions(files: TlsFiles): SecureClientSessionOptions {
  return { ...authorities(files), ...identity(files) };
}

function authorities({ ca }: TlsFiles): SecureClientSessionOptions {
  if (ca === undefined) {
    return {};
  }
  const pem = read("RFE_TLS_CA", ca);
  if (!pem.includes("-----BEGIN CERTIFICATE-----")) {
    throw wrong("RFE_TLS_CA", ca, "holds no certificate in PEM form");
  }
  return { ca: [...trusted(), pem] };
}

// Node 22 can name those of its own options too, such as NODE_EXTRA_CA_CERTS.
function trusted(): readonly string[] {
  const { getCACertificates } = tls as { getCACertificates?: () => readonly string[] };
  return getCACertificates?.() ?? tls.rootCertificates;
}

function identity({ certificate, key }: TlsFiles): SecureClientSessionOptions {
  if (certificate !== undefined && key !== undefined) {
    return { cert: read("RFE_TLS_CLIENT_CERT", certificate), key: read("RFE_TLS_CLIENT_KEY", key) };
  }
  if (certificate !== undefined) {
    throw wrong("RFE_TLS_CLIENT_CERT", certificate, "needs RFE_TLS_CLIENT_KEY beside it");
  }
  if (key !== undefined) {
    throw wrong("RFE_TLS_CLIENT_KEY", key, "needs RFE_TLS_CLIENT_CERT beside it");
  }
  return {};
}

function read(setting: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw wrong(setting, path, error instanceof Error ? error.message : String(error));
  }
}

function wrong(setting: string, path: string, reason: string): InvalidArgumentError {
  return new InvalidArgumentError(`${setting}: ${path}: ${reason}`);
}
