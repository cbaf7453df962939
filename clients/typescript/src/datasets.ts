import {
  type DataFile,
  type Dataset,
  type Freshness,
  Layer,
  type SchemaVersion,
} from "./gen/rfe/metadata/v1/dataset_pb.js";
import type { DropDatasetResponse } from "./gen/rfe/metadata/v1/metadata_service_pb.js";
import { Listing, type ListOptions } from "./listing.js";
import { RunCalls } from "./runs.js";
import type { CallOptions } from "./service.js";

/** Which data files are listed. */
export interface DataFilesOptions extends ListOptions {
  /** Those that this snapshot shows; the newest, when each page is asked for, by default. */
  snapshot?: bigint | undefined;
  /** Only of this layer. */
  layer?: Layer | undefined;
}

/** The calls about datasets, their schema versions and files, and how fresh they are. */
export abstract class DatasetCalls extends RunCalls {
  /** The datasets by name. */
  datasets(options: ListOptions = {}): Listing<Dataset> {
    return new Listing(options, async (page) => {
      const answer = await this.services.metadata.safe((stub, how) => stub.listDatasets(page, how), options);
      return [answer.datasets, answer.nextPageToken];
    });
  }

  /**
   * One dataset with its columns.
   *
   * @throws {NotFoundError} if it does not exist.
   */
  async dataset(name: string, options: CallOptions = {}): Promise<Dataset> {
    const { metadata } = this.services;
    const answer = await metadata.safe((stub, how) => stub.getDataset({ name }, how), options);
    return metadata.filled(answer.dataset, "dataset");
  }

  /**
   * Drops the dataset of a deleted source: no later snapshot shows it, and its files are deleted once nobody reads older ones.
   *
   * @throws {NotFoundError} if it does not exist or is dropped already.
   * @throws {FailedPreconditionError} if its source is not deleted.
   */
  async dropDataset(name: string, options: CallOptions = {}): Promise<DropDatasetResponse> {
    return this.services.metadata.once((stub, how) => stub.dropDataset({ name }, how), options);
  }

  /** A dataset's schema versions, newest first. */
  schemaVersions(dataset: string, options: ListOptions = {}): Listing<SchemaVersion> {
    return new Listing(options, async (page) => {
      const request = { ...page, dataset };
      const answer = await this.services.metadata.safe((stub, how) => stub.listSchemaVersions(request, how), options);
      return [answer.schemaVersions, answer.nextPageToken];
    });
  }

  /** The data files that a snapshot shows. */
  dataFiles(dataset: string, options: DataFilesOptions = {}): Listing<DataFile> {
    const { snapshot = 0n, layer = Layer.UNSPECIFIED } = options;
    return new Listing(options, async (page) => {
      const request = { ...page, dataset, snapshot, layer };
      const answer = await this.services.metadata.safe((stub, how) => stub.listDataFiles(request, how), options);
      return [answer.dataFiles, answer.nextPageToken];
    });
  }

  /** How fresh the sources are. */
  freshness(options: ListOptions = {}): Listing<Freshness> {
    return new Listing(options, async (page) => {
      const answer = await this.services.metadata.safe((stub, how) => stub.listFreshness(page, how), options);
      return [answer.freshness, answer.nextPageToken];
    });
  }

  /**
   * How fresh one source is.
   *
   * @throws {NotFoundError} if it does not exist.
   */
  async freshnessOf(source: string, options: CallOptions = {}): Promise<Freshness> {
    const { metadata } = this.services;
    const answer = await metadata.safe((stub, how) => stub.getFreshness({ source }, how), options);
    return metadata.filled(answer.freshness, "freshness");
  }
}
