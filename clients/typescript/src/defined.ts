/** An object without the entries that are undefined. */
export type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

/** The entries that say something: generated messages have no undefined fields. */
export function defined<T extends object>(fields: T): Defined<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<T>;
}
