import type { FlightService } from "./gen/arrow/flight/Flight_pb.js";
import type { DlqService } from "./gen/rfe/dlq/v1/dlq_service_pb.js";
import type { IngestService } from "./gen/rfe/ingest/v1/ingest_service_pb.js";
import type { MetadataService } from "./gen/rfe/metadata/v1/metadata_service_pb.js";
import type { SchedulerService } from "./gen/rfe/scheduler/v1/scheduler_service_pb.js";
import type { Service } from "./service.js";

/** The services of one platform. */
export interface Services {
  readonly ingest: Service<typeof IngestService>;
  /** For calls of `ingest` that take as long as they take. */
  readonly streams: Service<typeof IngestService>;
  readonly metadata: Service<typeof MetadataService>;
  readonly scheduler: Service<typeof SchedulerService>;
  readonly dlq: Service<typeof DlqService>;
  readonly flight: Service<typeof FlightService>;
}

/** What the calls of every noun stand on. Each noun's file adds its calls to those of the file before; `Client` has them all. */
export abstract class Calls {
  /** @internal */
  protected readonly services: Services;

  /** @internal */
  protected constructor(services: Services) {
    this.services = services;
  }
}
