/**
 * The client of `rfe` for Node. Start at {@link Client}.
 *
 * @module
 */

export type { Backoff } from "./backoff.js";
export { Client, type ClientOptions } from "./client.js";
export type { DataFilesOptions } from "./datasets.js";
export type { EndpointOptions } from "./endpoints.js";
export * from "./errors.js";
export type { EventInit, EventInput } from "./event-message.js";
export type { EventStream } from "./event-messages.js";
export {
  EventSender,
  type EventSenderOptions,
  type RejectedEvent,
  SendError,
  type SendSummary,
} from "./event-sender.js";
export type { SqlValue } from "./flight/parameters.js";
export { Rows } from "./flight/rows.js";
export type { Row } from "./flight/values.js";
export * from "./gen/rfe/dlq/v1/dead_letter_pb.js";
export type { ReplayDeadLettersResponse } from "./gen/rfe/dlq/v1/dlq_service_pb.js";
export * from "./gen/rfe/ingest/v1/event_pb.js";
export type { GetQueueStatsResponse, QueueStats, StreamEventsResponse } from "./gen/rfe/ingest/v1/ingest_service_pb.js";
export * from "./gen/rfe/ingest/v1/job_pb.js";
export * from "./gen/rfe/ingest/v1/preview_pb.js";
export * from "./gen/rfe/metadata/v1/dataset_pb.js";
export type { AppliedSource, DropDatasetResponse } from "./gen/rfe/metadata/v1/metadata_service_pb.js";
export * from "./gen/rfe/metadata/v1/run_pb.js";
export * from "./gen/rfe/metadata/v1/source_pb.js";
export * from "./gen/rfe/scheduler/v1/schedule_pb.js";
export { hasEnded, type WaitJobOptions } from "./job-wait.js";
export type { JobsOptions, SubmitJobOptions, SubmittedJob } from "./jobs.js";
export type {
  DiscardLetterOptions,
  LetterFilter,
  LetterOptions,
  ReplayedLetter,
  ReplayLetterOptions,
  ReplayLettersOptions,
} from "./letters.js";
export { Listing, type ListOptions } from "./listing.js";
export type { PreviewOptions } from "./previews.js";
export type { QueryOptions } from "./queries.js";
export type { RunsOptions } from "./runs.js";
export type { PreviewScheduleOptions, ScheduleInit, SchedulesOptions, TriggerOptions } from "./schedules.js";
export type { CallOptions } from "./service.js";
export type { ApplyOptions, SourceInit, SourcesOptions } from "./sources.js";
export type { TlsFiles } from "./tls.js";
