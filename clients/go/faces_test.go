package rfe_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"

	rfe "rfe.dev/clients/go"
	dlqv1 "rfe.dev/clients/go/gen/rfe/dlq/v1"
	ingestv1 "rfe.dev/clients/go/gen/rfe/ingest/v1"
	metadatav1 "rfe.dev/clients/go/gen/rfe/metadata/v1"
	schedulerv1 "rfe.dev/clients/go/gen/rfe/scheduler/v1"
)

const (
	onceOnly  = 1
	fourTimes = 4
)

type face struct {
	rpc      string
	attempts int
	call     func(context.Context, *rfe.Client) error
}

func last[A any](_ A, err error) error { return err }

var faces = []face{
	{"MetadataService/ApplySources", fourTimes, func(ctx context.Context, c *rfe.Client) error {
		return last(c.ApplySources(ctx, nil))
	}},
	{"MetadataService/CreateSource", onceOnly, func(ctx context.Context, c *rfe.Client) error {
		return last(c.CreateSource(ctx, &metadatav1.Source{}))
	}},
	{"MetadataService/UpdateSource", fourTimes, func(ctx context.Context, c *rfe.Client) error {
		return last(c.UpdateSource(ctx, &metadatav1.Source{}))
	}},
	{"MetadataService/GetSource", fourTimes, func(ctx context.Context, c *rfe.Client) error {
		return last(c.Source(ctx, ""))
	}},
	{"MetadataService/ListSources", fourTimes, func(ctx context.Context, c *rfe.Client) error {
		return last(rfe.All(c.Sources(ctx, nil)))
	}},
	{"MetadataService/DeleteSource", onceOnly, func(ctx context.Context, c *rfe.Client) error {
		return c.DeleteSource(ctx, "")
	}},
	{"MetadataService/GetRun", fourTimes, func(ctx context.Context, c *rfe.Client) error {
		return last(c.Run(ctx, ""))
	}},
	{"MetadataService/ListRuns", fourTimes, func(ctx context.Context, c *rfe.Client) error {
		return last(rfe.All(c.Runs(ctx, nil)))
	}},
	{"MetadataService/GetDataset", fourTimes, func(ctx context.Context, c *rfe.Client) error {
		return last(c.Dataset(ctx, ""))
	}},
	{"MetadataService/ListDatasets", fourTimes, func(ctx context.Context, c *rfe.Client) error {
		return last(rfe.All(c.Datasets(ctx, nil)))
	}},
	{"MetadataService/DropDataset", onceOnly, func(ctx context.Context, c *rfe.Client) error {
		return last(c.DropDataset(ctx, ""))
	}},
	{"MetadataService/ListSchemaVersions", fourTimes, func(ctx context.Context, c *rfe.Client) error {
		return last(rfe.All(c.SchemaVersions(ctx, nil)))
	}},
	{"MetadataService/ListDataFiles", fourTimes, func(ctx context.Context, c *rfe.Client) error {
		return last(rfe.All(c.DataFiles(ctx, nil)))
	}},
	{"MetadataService/ListFreshness", fourTimes, func(ctx context.Context, c *rfe.Client) error {
		return last(rfe.All(c.Freshness(ctx, nil)))
	}},
	{"MetadataService/GetFreshness", fourTimes, func(ctx context.Context, c *rfe.Client) error {
		return last(c.FreshnessOf(ctx, ""))
	}},
	{"IngestService/SubmitJob", fourTimes, func(ctx context.Context, c *rfe.Client) error {
		return last(c.SubmitJob(ctx, ""))
	}},
	{"IngestService/GetJob", fourTimes, func(ctx context.Context, c *rfe.Client) error {
		return last(c.Job(ctx, ""))
	}},
	{"IngestService/ListJobs", fourTimes, func(ctx context.Context, c *rfe.Client) error {
		return last(rfe.All(c.Jobs(ctx, nil)))
	}},
	{"IngestService/WatchJob", fourTimes, func(ctx context.Context, c *rfe.Client) error {
		return last(rfe.All(c.WatchJob(ctx, "")))
	}},
	{"IngestService/CancelJob", onceOnly, func(ctx context.Context, c *rfe.Client) error {
		return last(c.CancelJob(ctx, ""))
	}},
	{"IngestService/PauseSource", fourTimes, func(ctx context.Context, c *rfe.Client) error {
		return c.PauseSource(ctx, "")
	}},
	{"IngestService/ResumeSource", fourTimes, func(ctx context.Context, c *rfe.Client) error {
		return c.ResumeSource(ctx, "")
	}},
	{"IngestService/GetQueueStats", fourTimes, func(ctx context.Context, c *rfe.Client) error {
		return last(c.QueueStats(ctx, ""))
	}},
	{"IngestService/SubmitEvents", fourTimes, func(ctx context.Context, c *rfe.Client) error {
		return last(c.SubmitEvents(ctx, "", []*ingestv1.Event{{}}))
	}},
	{"IngestService/StreamEvents", onceOnly, func(ctx context.Context, c *rfe.Client) error {
		return last(c.StreamEvents(ctx, "", func(func([]*ingestv1.Event) bool) {}))
	}},
	{"IngestService/PreviewSource", fourTimes, func(ctx context.Context, c *rfe.Client) error {
		return last(c.PreviewSource(ctx, "", 3))
	}},
	{"IngestService/PreviewSource", fourTimes, func(ctx context.Context, c *rfe.Client) error {
		return last(c.PreviewSpec(ctx, &metadatav1.Source{}, 3))
	}},
	{"SchedulerService/CreateSchedule", onceOnly, func(ctx context.Context, c *rfe.Client) error {
		return last(c.CreateSchedule(ctx, &schedulerv1.Schedule{}))
	}},
	{"SchedulerService/UpdateSchedule", onceOnly, func(ctx context.Context, c *rfe.Client) error {
		return last(c.UpdateSchedule(ctx, &schedulerv1.Schedule{}))
	}},
	{"SchedulerService/GetSchedule", fourTimes, func(ctx context.Context, c *rfe.Client) error {
		return last(c.Schedule(ctx, ""))
	}},
	{"SchedulerService/ListSchedules", fourTimes, func(ctx context.Context, c *rfe.Client) error {
		return last(rfe.All(c.Schedules(ctx, nil)))
	}},
	{"SchedulerService/PauseSchedule", fourTimes, func(ctx context.Context, c *rfe.Client) error {
		return last(c.PauseSchedule(ctx, ""))
	}},
	{"SchedulerService/ResumeSchedule", fourTimes, func(ctx context.Context, c *rfe.Client) error {
		return last(c.ResumeSchedule(ctx, ""))
	}},
	{"SchedulerService/DeleteSchedule", onceOnly, func(ctx context.Context, c *rfe.Client) error {
		return c.DeleteSchedule(ctx, "")
	}},
	{"SchedulerService/TriggerSchedule", fourTimes, func(ctx context.Context, c *rfe.Client) error {
		return last(c.TriggerSchedule(ctx, ""))
	}},
	{"SchedulerService/PreviewSchedule", fourTimes, func(ctx context.Context, c *rfe.Client) error {
		return last(c.PreviewSchedule(ctx, &schedulerv1.Schedule{}, 3))
	}},
	{"SchedulerService/ListFirings", fourTimes, func(ctx context.Context, c *rfe.Client) error {
		return last(rfe.All(c.Firings(ctx, nil)))
	}},
	{"DlqService/ListDeadLetters", fourTimes, func(ctx context.Context, c *rfe.Client) error {
		return last(rfe.All(c.Letters(ctx, nil)))
	}},
	{"DlqService/GetDeadLetter", fourTimes, func(ctx context.Context, c *rfe.Client) error {
		return last(c.Letter(ctx, ""))
	}},
	{"DlqService/GetDeadLetter", fourTimes, func(ctx context.Context, c *rfe.Client) error {
		return last(c.RevealedLetter(ctx, ""))
	}},
	{"DlqService/ReplayDeadLetter", fourTimes, func(ctx context.Context, c *rfe.Client) error {
		return last(c.ReplayLetter(ctx, "", nil))
	}},
	{"DlqService/ReplayDeadLetters", fourTimes, func(ctx context.Context, c *rfe.Client) error {
		return last(c.ReplayLetters(ctx, &dlqv1.DeadLetterFilter{}, 3, true))
	}},
	{"DlqService/DiscardDeadLetter", onceOnly, func(ctx context.Context, c *rfe.Client) error {
		return last(c.DiscardLetter(ctx, "", "", ""))
	}},
	{"FlightService/GetFlightInfo", fourTimes, func(ctx context.Context, c *rfe.Client) error {
		return last(c.Query(ctx, "SELECT 1"))
	}},
	{"FlightService/DoAction", fourTimes, func(ctx context.Context, c *rfe.Client) error {
		return last(c.Query(ctx, "SELECT ?", 1))
	}},
}

func TestEachCallGoesToItsRPCAndOnlyOnesThatAreSafeAreRepeated(t *testing.T) {
	var called atomic.Int64
	var rpc atomic.Value
	url := serve(t, "127.0.0.1:0", func(*grpc.Server) {}, grpc.UnknownServiceHandler(
		func(_ any, stream grpc.ServerStream) error {
			method, _ := grpc.MethodFromServerStream(stream)
			rpc.Store(method)
			called.Add(1)
			return away
		}))
	client := connect(t, url)
	for i, face := range faces {
		t.Run(fmt.Sprintf("%d %s", i, face.rpc), func(t *testing.T) {
			called.Store(0)
			err := face.call(t.Context(), client)
			equal(t, "unavailable", errors.Is(err, rfe.ErrUnavailable), true)
			equal(t, "attempts", int(called.Load()), face.attempts)
			equal(t, "rpc", strings.HasSuffix(rpc.Load().(string), face.rpc), true)
		})
	}
}
