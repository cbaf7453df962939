import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs, timestampDate } from "@bufbuild/protobuf/wkt";
import { DatasetCalls } from "./datasets.js";
import { defined } from "./defined.js";
import { InvalidArgumentError } from "./errors.js";
import type {
  Firing,
  MisfirePolicy,
  OverlapPolicy,
  Schedule,
  ScheduleSchema,
} from "./gen/rfe/scheduler/v1/schedule_pb.js";
import { newId } from "./ids.js";
import { Listing, type ListOptions } from "./listing.js";
import type { CallOptions } from "./service.js";

/** When a source is read. Exactly one of `every` and `cron` is set. */
export interface ScheduleInit {
  /** Identifies the schedule; without one, creating makes one. */
  scheduleId?: string | undefined;
  /** The source to read. */
  source?: string | undefined;
  /** Fires at the multiples of so many milliseconds since the Unix epoch; at least 1,000. */
  every?: number | undefined;
  /** Fires by a cron expression of five fields, or of six with seconds first. */
  cron?: string | undefined;
  /** IANA time zone of `cron`; UTC by default. */
  timezone?: string | undefined;
  /** What happens at an instant while a run has not ended; SKIP by default. */
  overlap?: OverlapPolicy | undefined;
  /** What happens to instants that passed unseen; LATEST by default. */
  misfire?: MisfirePolicy | undefined;
  /** True while it does not fire. */
  paused?: boolean | undefined;
}

/** Which schedules are listed. */
export interface SchedulesOptions extends ListOptions {
  /** Only of this source. */
  source?: string | undefined;
}

/** How a schedule is triggered. */
export interface TriggerOptions extends CallOptions {
  /** A UUID of your own that makes the call idempotent. A new one by default. */
  requestId?: string | undefined;
}

/** How a timing is previewed. */
export interface PreviewScheduleOptions extends CallOptions {
  /** How many instants; 10 by default. */
  count?: number | undefined;
}

/** The calls about schedules. */
export abstract class ScheduleCalls extends DatasetCalls {
  /**
   * Makes a schedule; without an id it gets one.
   *
   * @throws {AlreadyExistsError} if one of the id exists.
   * @throws {NotFoundError} if the source does not.
   */
  async createSchedule(schedule: ScheduleInit, options: CallOptions = {}): Promise<Schedule> {
    const { scheduler } = this.services;
    const request = { schedule: message(schedule) };
    const answer = await scheduler.once((stub, how) => stub.createSchedule(request, how), options);
    return scheduler.filled(answer.schedule, "schedule");
  }

  /**
   * Changes a schedule to what is given.
   *
   * @throws {NotFoundError} if it does not exist.
   * @throws {FailedPreconditionError} if it belongs to a source's spec.
   */
  async updateSchedule(schedule: ScheduleInit, options: CallOptions = {}): Promise<Schedule> {
    const { scheduler } = this.services;
    const request = { schedule: message(schedule) };
    const answer = await scheduler.once((stub, how) => stub.updateSchedule(request, how), options);
    return scheduler.filled(answer.schedule, "schedule");
  }

  /**
   * One schedule.
   *
   * @throws {NotFoundError} if it does not exist.
   */
  async schedule(scheduleId: string, options: CallOptions = {}): Promise<Schedule> {
    const { scheduler } = this.services;
    const answer = await scheduler.safe((stub, how) => stub.getSchedule({ scheduleId }, how), options);
    return scheduler.filled(answer.schedule, "schedule");
  }

  /** The schedules by id. */
  schedules(options: SchedulesOptions = {}): Listing<Schedule> {
    const { source = "" } = options;
    return new Listing(options, async (page) => {
      const request = { ...page, source };
      const answer = await this.services.scheduler.safe((stub, how) => stub.listSchedules(request, how), options);
      return [answer.schedules, answer.nextPageToken];
    });
  }

  /**
   * Stops firing.
   *
   * @throws {NotFoundError} if the schedule does not exist.
   */
  async pauseSchedule(scheduleId: string, options: CallOptions = {}): Promise<Schedule> {
    const { scheduler } = this.services;
    const answer = await scheduler.safe((stub, how) => stub.pauseSchedule({ scheduleId }, how), options);
    return scheduler.filled(answer.schedule, "schedule");
  }

  /**
   * Fires again, from the next instant on.
   *
   * @throws {NotFoundError} if the schedule does not exist.
   */
  async resumeSchedule(scheduleId: string, options: CallOptions = {}): Promise<Schedule> {
    const { scheduler } = this.services;
    const answer = await scheduler.safe((stub, how) => stub.resumeSchedule({ scheduleId }, how), options);
    return scheduler.filled(answer.schedule, "schedule");
  }

  /**
   * Deletes a schedule.
   *
   * @throws {NotFoundError} if it does not exist.
   * @throws {FailedPreconditionError} if a source's spec declares it.
   */
  async deleteSchedule(scheduleId: string, options: CallOptions = {}): Promise<void> {
    await this.services.scheduler.once((stub, how) => stub.deleteSchedule({ scheduleId }, how), options);
  }

  /**
   * Fires once, now; the answer is the job's id.
   *
   * @throws {NotFoundError} if the schedule does not exist.
   */
  async triggerSchedule(scheduleId: string, options: TriggerOptions = {}): Promise<string> {
    const request = { scheduleId, requestId: options.requestId ?? newId() };
    const answer = await this.services.scheduler.safe((stub, how) => stub.triggerSchedule(request, how), options);
    return answer.jobId;
  }

  /**
   * The next instants of a timing, which need not exist as a schedule.
   *
   * @throws {InvalidArgumentError} if the timing is wrong.
   */
  async previewSchedule(schedule: ScheduleInit, options: PreviewScheduleOptions = {}): Promise<Date[]> {
    const request = { schedule: message(schedule), count: options.count ?? 0 };
    const answer = await this.services.scheduler.safe((stub, how) => stub.previewSchedule(request, how), options);
    return answer.fireTimes.map(timestampDate);
  }

  /** What became of a schedule's instants, newest first. */
  firings(scheduleId: string, options: ListOptions = {}): Listing<Firing> {
    return new Listing(options, async (page) => {
      const request = { ...page, scheduleId };
      const answer = await this.services.scheduler.safe((stub, how) => stub.listFirings(request, how), options);
      return [answer.firings, answer.nextPageToken];
    });
  }
}

function message({ every, cron, ...rest }: ScheduleInit): MessageInitShape<typeof ScheduleSchema> {
  if (every !== undefined && cron !== undefined) {
    throw new InvalidArgumentError("a schedule fires by `every` or by `cron`, not by both");
  }
  if (every !== undefined) {
    return { ...defined(rest), timing: { case: "every", value: durationFromMs(every) } };
  }
  return cron === undefined ? defined(rest) : { ...defined(rest), timing: { case: "cron", value: cron } };
}
