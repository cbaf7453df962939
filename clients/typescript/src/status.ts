import { durationMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  AbortedError,
  AlreadyExistsError,
  CancelledError,
  DeadlineExceededError,
  type ErrorDetails,
  FailedPreconditionError,
  InternalError,
  InvalidArgumentError,
  NotFoundError,
  PermissionDeniedError,
  ResourceExhaustedError,
  RfeError,
  UnauthenticatedError,
  UnavailableError,
  UnimplementedError,
  UnreachableError,
} from "./errors.js";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "./gen/google/rpc/error_details_pb.js";

// As the HTTP/2 client calls them.
const RESET = "http/2 stream closed with error code ";
const NO_PING = "PING timed out";

type ErrorClass = new (message: string, details?: ErrorDetails) => RfeError;

const CLASSES: Readonly<Record<Code, ErrorClass>> = {
  [Code.Canceled]: CancelledError,
  [Code.Unknown]: InternalError,
  [Code.InvalidArgument]: InvalidArgumentError,
  [Code.DeadlineExceeded]: DeadlineExceededError,
  [Code.NotFound]: NotFoundError,
  [Code.AlreadyExists]: AlreadyExistsError,
  [Code.PermissionDenied]: PermissionDeniedError,
  [Code.ResourceExhausted]: ResourceExhaustedError,
  [Code.FailedPrecondition]: FailedPreconditionError,
  [Code.Aborted]: AbortedError,
  [Code.OutOfRange]: InvalidArgumentError,
  [Code.Unimplemented]: UnimplementedError,
  [Code.Internal]: InternalError,
  [Code.Unavailable]: UnavailableError,
  [Code.DataLoss]: InternalError,
  [Code.Unauthenticated]: UnauthenticatedError,
};

/** The error of a call to `url`. Of what is no error of a call, such as one that the caller threw, nothing is changed. */
export function errorOf(url: string, thrown: unknown): unknown {
  if (!(thrown instanceof ConnectError) || thrown instanceof RfeError) {
    return thrown;
  }
  if (thrown.metadata.has("grpc-status")) {
    return refused(thrown);
  }
  if (thrown.code === Code.DeadlineExceeded) {
    return deadlineExceeded(url);
  }
  if (brokenConnection(thrown)) {
    return new UnreachableError(`${url} can't be reached: ${whatTheNetworkSaid(thrown)}`, { cause: thrown.cause });
  }
  return new CLASSES[thrown.code](`${url} answered outside the protocol: ${thrown.rawMessage}`, {
    reason: defaultReason(thrown.code),
  });
}

/** The deadline of a call to `url` has passed. */
export function deadlineExceeded(url: string): DeadlineExceededError {
  return new DeadlineExceededError(`${url} did not answer before the deadline`, { reason: "DEADLINE_EXCEEDED" });
}

/** An answer of `url` is not what the protocol promises. */
export function outsideProtocol(url: string, reason: string): InternalError {
  return new InternalError(`${url} answered outside the protocol: ${reason}`);
}

function refused(status: ConnectError): RfeError {
  const info = status.findDetails(ErrorInfoSchema)[0];
  const violations = status.findDetails(BadRequestSchema).flatMap((bad) => bad.fieldViolations);
  const delay = status.findDetails(RetryInfoSchema)[0]?.retryDelay;
  return new CLASSES[status.code](status.rawMessage, {
    reason: info?.reason || defaultReason(status.code),
    metadata: { ...info?.metadata },
    violations: violations.map(({ field, description }) => ({ field, description })),
    retryAfter: delay && durationMs(delay),
  });
}

// A service of `rfe` always names its reason; a proxy between does not.
function defaultReason(code: Code): string {
  switch (code) {
    case Code.Unavailable:
      return "BACKEND_UNAVAILABLE";
    case Code.DeadlineExceeded:
      return "DEADLINE_EXCEEDED";
    case Code.Canceled:
      return "CANCELLED";
    case Code.Unimplemented:
      return "NOT_IMPLEMENTED";
    case Code.Unauthenticated:
    case Code.PermissionDenied:
      return "TOKEN_INVALID";
    default:
      return "INTERNAL";
  }
}

// Node's own errors have codes; a connection that ends under a stream resets it without any.
function brokenConnection(error: ConnectError): boolean {
  return (
    chain(error.cause).some((one) => "code" in one) ||
    error.rawMessage.startsWith(RESET) ||
    error.rawMessage === NO_PING
  );
}

function whatTheNetworkSaid(error: ConnectError): string {
  const last = chain(error.cause).at(-1);
  if (last === undefined) {
    return error.rawMessage === NO_PING ? "it does not answer to pings" : "the connection broke";
  }
  // Several addresses of one name that all refuse come as one error without a text of its own.
  const { errors } = last as { errors?: unknown };
  const first: unknown = Array.isArray(errors) ? errors[0] : undefined;
  return (first instanceof Error ? first : last).message.trim();
}

function chain(error: unknown): Error[] {
  return error instanceof Error ? [error, ...chain(error.cause)] : [];
}
