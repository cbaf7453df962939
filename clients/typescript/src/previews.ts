import { EventCalls } from "./events.js";
import type { Preview } from "./gen/rfe/ingest/v1/preview_pb.js";
import type { CallOptions } from "./service.js";
import type { SourceInit } from "./sources.js";

/** How a source is previewed. By default there is no deadline; the server takes up to 30 s. */
export interface PreviewOptions extends CallOptions {
  /** How many rows to show; 10 by default, 1,000 at most. */
  rows?: number | undefined;
}

/** The calls that look at sources. */
export abstract class PreviewCalls extends EventCalls {
  /**
   * The first rows of a declared source, and what a run would make of them. Lands nothing.
   *
   * @throws {NotFoundError} if the source does not exist.
   * @throws {FailedPreconditionError} if it is pushed to, or can't be read.
   */
  async previewSource(name: string, options: PreviewOptions = {}): Promise<Preview> {
    return this.#preview({ case: "name", value: name }, options);
  }

  /**
   * As {@link previewSource}, of a source that need not be declared.
   *
   * @throws {InvalidArgumentError} with every field at fault.
   */
  async previewSpec(source: SourceInit, options: PreviewOptions = {}): Promise<Preview> {
    return this.#preview({ case: "source", value: source }, options);
  }

  async #preview(
    of: { case: "name"; value: string } | { case: "source"; value: SourceInit },
    options: PreviewOptions,
  ): Promise<Preview> {
    const { streams } = this.services;
    const request = { of, rows: options.rows ?? 0 };
    const answer = await streams.safe((stub, how) => stub.previewSource(request, how), options);
    return streams.filled(answer.preview, "preview");
  }
}
