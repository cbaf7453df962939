import { DateUnit, TimeUnit } from "apache-arrow";

const DAY_MS = 86_400_000n;
const INT32_MAX = 2 ** 31 - 1;
const INT64_MAX = 2n ** 63n - 1n;

const DIGITS: Readonly<Record<TimeUnit, number>> = {
  [TimeUnit.SECOND]: 0,
  [TimeUnit.MILLISECOND]: 3,
  [TimeUnit.MICROSECOND]: 6,
  [TimeUnit.NANOSECOND]: 9,
};

/** A decimal as text, from its 32-bit words, the lowest first, in two's complement. */
export function decimalText(words: Uint32Array, scale: number): string {
  let unsigned = 0n;
  for (let at = words.length - 1; at >= 0; at--) {
    unsigned = (unsigned << 32n) | BigInt(words[at] ?? 0);
  }
  const value = BigInt.asIntN(words.length * 32, unsigned);
  const sign = value < 0n ? "-" : "";
  const digits = (value < 0n ? -value : value).toString();
  if (scale <= 0) {
    return sign + digits + (value === 0n ? "" : "0".repeat(-scale));
  }
  const padded = digits.padStart(scale + 1, "0");
  return `${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}`;
}

/** A date as text, from days or milliseconds since the Unix epoch: `2024-02-29`. */
export function dateText(value: number | bigint, unit: DateUnit): string {
  if (unit === DateUnit.DAY && Math.abs(Number(value)) === INT32_MAX) {
    return infinity(Number(value) < 0);
  }
  return civil(unit === DateUnit.DAY ? Number(value) : Number(floorDivided(BigInt(value), DAY_MS)));
}

/** An instant as text, from units since the Unix epoch: `2024-02-29T12:34:56.789012`. */
export function timestampText(value: bigint, unit: TimeUnit): string {
  if (value === INT64_MAX || value === -INT64_MAX) {
    return infinity(value < 0n);
  }
  const unitsADay = 86_400n * 10n ** BigInt(DIGITS[unit]);
  const days = floorDivided(value, unitsADay);
  return `${civil(Number(days))}T${timeText(value - days * unitsADay, unit)}`;
}

/** A time of day as text, from units since midnight: `12:34:56`, with a fraction where there is one. */
export function timeText(value: bigint, unit: TimeUnit): string {
  const digits = DIGITS[unit];
  const unitsASecond = 10n ** BigInt(digits);
  const seconds = value / unitsASecond;
  const fraction = value % unitsASecond;
  const clock = [seconds / 3600n, (seconds / 60n) % 60n, seconds % 60n].map((part) => two(part)).join(":");
  return fraction === 0n ? clock : `${clock}.${fraction.toString().padStart(digits, "0")}`;
}

// The proleptic Gregorian calendar by eras of 400 years, which begin in March; JavaScript's Date ends before SQL's does.
function civil(days: number): string {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const leapDays = Math.floor(dayOfEra / 1460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor((dayOfEra - leapDays) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1;
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  return `${yearText(yearOfEra + era * 400 + (month <= 2 ? 1 : 0))}-${two(month)}-${two(day)}`;
}

// As ISO 8601 extends years.
function yearText(year: number): string {
  if (year >= 0 && year <= 9999) {
    return String(year).padStart(4, "0");
  }
  return (year < 0 ? "-" : "+") + String(Math.abs(year)).padStart(6, "0");
}

function two(part: number | bigint): string {
  return part.toString().padStart(2, "0");
}

function infinity(negative: boolean): string {
  return negative ? "-infinity" : "infinity";
}

function floorDivided(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return value % by < 0n ? quotient - 1n : quotient;
}
