import type { CallOptions } from "./service.js";

const PAGE = 500;

/** What a list takes. Deadline and signal are those of each page. */
export interface ListOptions extends CallOptions {
  /** Asks for so many at a time; 500 by default. The server gives 1,000 at most (of files 10,000). */
  pageSize?: number | undefined;
}

/** Where a page begins and how long it is. */
export interface PageRequest {
  pageSize: number;
  pageToken: string;
}

/** One page, and the token of the next; an empty one on the last page. */
export type Page<T> = readonly [items: readonly T[], nextPageToken: string];

/** A list on the server, which pages by itself: `for await (const item of listing)`. Nothing is asked before the first step. */
export class Listing<T> implements AsyncIterable<T> {
  readonly #fetch: (page: PageRequest) => Promise<Page<T>>;
  readonly #pageSize: number;

  /** @internal */
  constructor(options: ListOptions, fetch: (page: PageRequest) => Promise<Page<T>>) {
    this.#fetch = fetch;
    this.#pageSize = Math.max(1, Math.trunc(options.pageSize ?? PAGE));
  }

  /** One item at a time, page after page, anew for each loop. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    yield* this.#items(this.#pageSize);
  }

  /** All of it, in memory. */
  async all(): Promise<T[]> {
    const items: T[] = [];
    for await (const item of this) {
      items.push(item);
    }
    return items;
  }

  /** The first `count` of it. */
  async first(count: number): Promise<T[]> {
    const items: T[] = [];
    if (count < 1) {
      return items;
    }
    for await (const item of this.#items(Math.min(count, this.#pageSize))) {
      items.push(item);
      if (items.length >= count) {
        break;
      }
    }
    return items;
  }

  async *#items(pageSize: number): AsyncGenerator<T, void, undefined> {
    let pageToken = "";
    do {
      const [items, next] = await this.#fetch({ pageSize, pageToken });
      yield* items;
      pageToken = next;
    } while (pageToken !== "");
  }
}
