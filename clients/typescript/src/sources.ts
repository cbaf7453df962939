import type { MessageInitShape } from "@bufbuild/protobuf";
import { Calls } from "./calls.js";
import type { AppliedSource } from "./gen/rfe/metadata/v1/metadata_service_pb.js";
import type { Source, SourceSchema } from "./gen/rfe/metadata/v1/source_pb.js";
import { Listing, type ListOptions } from "./listing.js";
import type { CallOptions } from "./service.js";

/** A source as a caller writes it: fields that are left out have their defaults, `config` is a plain object. */
export type SourceInit = MessageInitShape<typeof SourceSchema>;

/** How sources are applied. */
export interface ApplyOptions extends CallOptions {
  /** Delete declared sources that are not among those given. */
  prune?: boolean | undefined;
  /** Only check. */
  validateOnly?: boolean | undefined;
}

/** Which sources are listed. */
export interface SourcesOptions extends ListOptions {
  /** Deleted ones too. */
  showDeleted?: boolean | undefined;
}

/** The calls about sources. */
export abstract class SourceCalls extends Calls {
  /**
   * Creates and updates sources, all or none. A second call with the same ones changes nothing.
   *
   * @throws {InvalidArgumentError} with every field at fault, such as `sources[1].config.url`.
   */
  async applySources(sources: readonly SourceInit[], options: ApplyOptions = {}): Promise<AppliedSource[]> {
    const { prune = false, validateOnly = false } = options;
    const request = { sources: [...sources], prune, validateOnly };
    const answer = await this.services.metadata.safe((stub, how) => stub.applySources(request, how), options);
    return answer.applied;
  }

  /**
   * Declares a source.
   *
   * @throws {AlreadyExistsError} if one of the name exists.
   */
  async createSource(source: SourceInit, options: CallOptions = {}): Promise<Source> {
    const { metadata } = this.services;
    const answer = await metadata.once((stub, how) => stub.createSource({ source }, how), options);
    return metadata.filled(answer.source, "source");
  }

  /**
   * Replaces a source's spec.
   *
   * @throws {NotFoundError} if it does not exist.
   */
  async updateSource(source: SourceInit, options: CallOptions = {}): Promise<Source> {
    const { metadata } = this.services;
    const answer = await metadata.safe((stub, how) => stub.updateSource({ source }, how), options);
    return metadata.filled(answer.source, "source");
  }

  /**
   * One source; a deleted one has `deletedTime`.
   *
   * @throws {NotFoundError} if it does not exist.
   */
  async source(name: string, options: CallOptions = {}): Promise<Source> {
    const { metadata } = this.services;
    const answer = await metadata.safe((stub, how) => stub.getSource({ name }, how), options);
    return metadata.filled(answer.source, "source");
  }

  /** The sources by name. */
  sources(options: SourcesOptions = {}): Listing<Source> {
    const { showDeleted = false } = options;
    return new Listing(options, async (page) => {
      const request = { ...page, showDeleted };
      const answer = await this.services.metadata.safe((stub, how) => stub.listSources(request, how), options);
      return [answer.sources, answer.nextPageToken];
    });
  }

  /**
   * Ends the reading of a source; its dataset stays readable.
   *
   * @throws {NotFoundError} if it does not exist.
   */
  async deleteSource(name: string, options: CallOptions = {}): Promise<void> {
    await this.services.metadata.once((stub, how) => stub.deleteSource({ name }, how), options);
  }
}
