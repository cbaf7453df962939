import type { SecureClientSessionOptions } from "node:http2";
import * as net from "node:net";
import * as tls from "node:tls";

/** Makes a socket to an authority, by TLS where its scheme says so, and gives up after so many milliseconds. */
export function connection(authority: URL, secure: SecureClientSessionOptions, timeout: number): net.Socket {
  const byTls = authority.protocol === "https:";
  const host = authority.hostname.replace(/^\[(.*)\]$/, "$1");
  const port = Number(authority.port || (byTls ? 443 : 80));
  const servername = net.isIP(host) ? {} : { servername: host };
  const socket = byTls
    ? tls.connect({ ...secure, host, port, ...servername, ALPNProtocols: ["h2"] })
    : net.connect({ host, port });
  const timer = setTimeout(() => socket.destroy(tooLate(timeout)), timeout);
  const settled = () => clearTimeout(timer);
  socket.once(byTls ? "secureConnect" : "connect", settled).once("close", settled);
  return socket;
}

function tooLate(timeout: number): Error {
  return Object.assign(new Error(`no connection within ${timeout} ms`), { code: "ETIMEDOUT" });
}
