package rfe

import (
	"context"
	"iter"
	"time"

	schedulerv1 "rfe.dev/clients/go/gen/rfe/scheduler/v1"
)

// CreateSchedule makes a schedule; without an id it gets one. The error is [ErrAlreadyExists] if one of the id exists,
// [ErrNotFound] if the source does not, [ErrInvalidArgument] if the timing is wrong.
func (c *Client) CreateSchedule(
	ctx context.Context, schedule *schedulerv1.Schedule,
) (*schedulerv1.Schedule, error) {
	request := &schedulerv1.CreateScheduleRequest{Schedule: schedule}
	answer, err := once(ctx, c.scheduler.service, c.scheduler.calls.CreateSchedule, request)
	return filled(c.scheduler.service, answer.GetSchedule(), err, "schedule")
}

// UpdateSchedule changes a schedule to what is given. The error is [ErrFailedPrecondition] if it belongs to a source's spec.
func (c *Client) UpdateSchedule(
	ctx context.Context, schedule *schedulerv1.Schedule,
) (*schedulerv1.Schedule, error) {
	request := &schedulerv1.UpdateScheduleRequest{Schedule: schedule}
	answer, err := once(ctx, c.scheduler.service, c.scheduler.calls.UpdateSchedule, request)
	return filled(c.scheduler.service, answer.GetSchedule(), err, "schedule")
}

// Schedule is one schedule. The error is [ErrNotFound] if there is none.
func (c *Client) Schedule(ctx context.Context, scheduleID string) (*schedulerv1.Schedule, error) {
	request := &schedulerv1.GetScheduleRequest{ScheduleId: scheduleID}
	answer, err := safe(ctx, c.scheduler.service, c.scheduler.calls.GetSchedule, request)
	return filled(c.scheduler.service, answer.GetSchedule(), err, "schedule")
}

// Schedules are the schedules by id. The request may say of which source; nil: all, 500 a page.
func (c *Client) Schedules(
	ctx context.Context, request *schedulerv1.ListSchedulesRequest,
) iter.Seq2[*schedulerv1.Schedule, error] {
	return listed(ctx, c.scheduler.service, c.scheduler.calls.ListSchedules, request,
		func(r *schedulerv1.ListSchedulesRequest) paging { return paging{&r.PageSize, &r.PageToken} },
		(*schedulerv1.ListSchedulesResponse).GetSchedules)
}

// PauseSchedule stops firing.
func (c *Client) PauseSchedule(ctx context.Context, scheduleID string) (*schedulerv1.Schedule, error) {
	request := &schedulerv1.PauseScheduleRequest{ScheduleId: scheduleID}
	answer, err := safe(ctx, c.scheduler.service, c.scheduler.calls.PauseSchedule, request)
	return filled(c.scheduler.service, answer.GetSchedule(), err, "schedule")
}

// ResumeSchedule fires again, from the next instant on.
func (c *Client) ResumeSchedule(ctx context.Context, scheduleID string) (*schedulerv1.Schedule, error) {
	request := &schedulerv1.ResumeScheduleRequest{ScheduleId: scheduleID}
	answer, err := safe(ctx, c.scheduler.service, c.scheduler.calls.ResumeSchedule, request)
	return filled(c.scheduler.service, answer.GetSchedule(), err, "schedule")
}

// DeleteSchedule deletes a schedule. The error is [ErrFailedPrecondition] if a source's spec declares it.
func (c *Client) DeleteSchedule(ctx context.Context, scheduleID string) error {
	request := &schedulerv1.DeleteScheduleRequest{ScheduleId: scheduleID}
	_, err := once(ctx, c.scheduler.service, c.scheduler.calls.DeleteSchedule, request)
	return err
}

// TriggerSchedule fires once, now, and answers with the job's id.
func (c *Client) TriggerSchedule(ctx context.Context, scheduleID string) (jobID string, err error) {
	request := &schedulerv1.TriggerScheduleRequest{ScheduleId: scheduleID, RequestId: newID()}
	answer, err := safe(ctx, c.scheduler.service, c.scheduler.calls.TriggerSchedule, request)
	return answer.GetJobId(), err
}

// PreviewSchedule is the next instants of a timing, which need not exist as a schedule; count 0 means 10.
func (c *Client) PreviewSchedule(
	ctx context.Context, schedule *schedulerv1.Schedule, count int,
) ([]time.Time, error) {
	request := &schedulerv1.PreviewScheduleRequest{Schedule: schedule, Count: narrow(count)}
	answer, err := safe(ctx, c.scheduler.service, c.scheduler.calls.PreviewSchedule, request)
	var instants []time.Time
	for _, instant := range answer.GetFireTimes() {
		instants = append(instants, instant.AsTime())
	}
	return instants, err
}

// Firings say what became of the instants of the request's schedule, newest first.
func (c *Client) Firings(
	ctx context.Context, request *schedulerv1.ListFiringsRequest,
) iter.Seq2[*schedulerv1.Firing, error] {
	return listed(ctx, c.scheduler.service, c.scheduler.calls.ListFirings, request,
		func(r *schedulerv1.ListFiringsRequest) paging { return paging{&r.PageSize, &r.PageToken} },
		(*schedulerv1.ListFiringsResponse).GetFirings)
}
