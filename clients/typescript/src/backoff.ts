/** How calls are repeated. */
export interface Backoff {
  /** Attempts in all, the first included. */
  readonly attempts: number;
  /** The delay after the first attempt, before jitter, in milliseconds. */
  readonly base: number;
  /** No delay is longer, in milliseconds. */
  readonly cap: number;
}

/** How calls that are safe to repeat are repeated where nothing else is said. */
export const DEFAULT_RETRIES: Backoff = { attempts: 4, base: 100, cap: 2000 };

/**
 * The delay after a failed attempt, from 1, in milliseconds: uniform(0.5, 1) × min(cap, base × 2^(attempt − 1)). `random` is in [0, 1).
 * Undefined: that was the last one.
 */
export function delayAfter(attempt: number, backoff: Backoff, random: number): number | undefined {
  if (attempt >= backoff.attempts) {
    return undefined;
  }
  return Math.min(backoff.cap, backoff.base * 2 ** (attempt - 1)) * (0.5 + 0.5 * random);
}
