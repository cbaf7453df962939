/** The class of an error: a gRPC status by name. */
export type ErrorCode =
  | "INVALID_ARGUMENT"
  | "NOT_FOUND"
  | "ALREADY_EXISTS"
  | "FAILED_PRECONDITION"
  | "ABORTED"
  | "RESOURCE_EXHAUSTED"
  | "UNAUTHENTICATED"
  | "PERMISSION_DENIED"
  | "UNIMPLEMENTED"
  | "UNAVAILABLE"
  | "DEADLINE_EXCEEDED"
  | "CANCELLED"
  | "INTERNAL";

/** A field of a request that is wrong. */
export interface Violation {
  /** Path of the field, such as `sources[1].config.url`. */
  readonly field: string;
  /** What is wrong with it and how to mend it. */
  readonly description: string;
}

/** What a service says of an error beside its message. */
export interface ErrorDetails {
  /** The constant reason, such as `SOURCE_NOT_FOUND`. */
  reason?: string | undefined;
  /** More values by name. */
  metadata?: Readonly<Record<string, string>>;
  /** Fields at fault. */
  violations?: readonly Violation[];
  /** When the service wants to be asked again, in milliseconds from now. */
  retryAfter?: number | undefined;
  /** What was underneath. */
  cause?: unknown;
}

const TRANSIENT: readonly ErrorCode[] = ["UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED"];

/** Why a call failed. Act on `code` and `reason`; the message is for people and changes. */
export abstract class RfeError extends Error {
  /** The class of the error. */
  abstract readonly code: ErrorCode;
  /** The constant reason, such as `SOURCE_NOT_FOUND`; undefined where this side found the error. */
  readonly reason: string | undefined;
  /** More values by name. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Fields at fault. */
  readonly violations: readonly Violation[];
  /** When the service wants to be asked again, in milliseconds from now. */
  readonly retryAfter: number | undefined;

  /** An error with this message. */
  constructor(message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.reason = details.reason;
    this.metadata = details.metadata ?? {};
    this.violations = details.violations ?? [];
    this.retryAfter = details.retryAfter;
  }

  /** True if the same call may succeed later. */
  get isTransient(): boolean {
    return TRANSIENT.includes(this.code);
  }

  /** Of a stream of events that broke off: how many of them, from the first one, are answered for good. */
  get processed(): number | undefined {
    const processed = this.metadata["processed"];
    return processed !== undefined && /^\d+$/.test(processed) ? Number(processed) : undefined;
  }
}

/** The call is wrong in itself; also an address, a file or a token that can't be used. */
export class InvalidArgumentError extends RfeError {
  readonly code = "INVALID_ARGUMENT";
}

/** The thing named does not exist. */
export class NotFoundError extends RfeError {
  readonly code = "NOT_FOUND";
}

/** A thing of that name exists. */
export class AlreadyExistsError extends RfeError {
  readonly code = "ALREADY_EXISTS";
}

/** The state of things does not allow the call now. */
export class FailedPreconditionError extends RfeError {
  readonly code = "FAILED_PRECONDITION";
}

/** Somebody else was there first; read again, then try again. */
export class AbortedError extends RfeError {
  readonly code = "ABORTED";
}

/** A bound is reached; `retryAfter` says when to come again. */
export class ResourceExhaustedError extends RfeError {
  readonly code = "RESOURCE_EXHAUSTED";
}

/** No valid token. */
export class UnauthenticatedError extends RfeError {
  readonly code = "UNAUTHENTICATED";
}

/** The token does not allow the call. */
export class PermissionDeniedError extends RfeError {
  readonly code = "PERMISSION_DENIED";
}

/** A later version brings it. */
export class UnimplementedError extends RfeError {
  readonly code = "UNIMPLEMENTED";
}

/** The service can't answer now. */
export class UnavailableError extends RfeError {
  readonly code = "UNAVAILABLE";
}

/** No connection, or it broke. */
export class UnreachableError extends UnavailableError {}

/** The deadline passed, whoever noticed it first. */
export class DeadlineExceededError extends RfeError {
  readonly code = "DEADLINE_EXCEEDED";
}

/** The caller's signal was aborted, or the client was closed. */
export class CancelledError extends RfeError {
  readonly code = "CANCELLED";
}

/** A defect, or an answer outside the protocol. */
export class InternalError extends RfeError {
  readonly code = "INTERNAL";
}
