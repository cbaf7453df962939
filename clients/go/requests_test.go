package rfe_test

import (
	"context"
	"sync"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	rfe "rfe.dev/clients/go"
	dlqv1 "rfe.dev/clients/go/gen/rfe/dlq/v1"
	ingestv1 "rfe.dev/clients/go/gen/rfe/ingest/v1"
	metadatav1 "rfe.dev/clients/go/gen/rfe/metadata/v1"
	schedulerv1 "rfe.dev/clients/go/gen/rfe/scheduler/v1"
)

// sent is what a call sends, at each of its attempts.
func sent[Q proto.Message](t *testing.T, request func() Q, call func(context.Context, *rfe.Client) error) []Q {
	t.Helper()
	var mutex sync.Mutex
	var seen []Q
	url := serve(t, "127.0.0.1:0", func(*grpc.Server) {}, grpc.UnknownServiceHandler(
		func(_ any, stream grpc.ServerStream) error {
			one := request()
			if err := stream.RecvMsg(one); err != nil {
				return err
			}
			mutex.Lock()
			defer mutex.Unlock()
			seen = append(seen, one)
			return away
		}))
	if err := call(t.Context(), connect(t, url)); err == nil {
		t.Fatal("the platform refuses")
	}
	mutex.Lock()
	defer mutex.Unlock()
	if len(seen) == 0 {
		t.Fatal("nothing was sent")
	}
	return seen
}

func TestARepeatedCallKeepsTheIDThatWasMadeForIt(t *testing.T) {
	submitted := sent(t, func() *ingestv1.SubmitJobRequest { return new(ingestv1.SubmitJobRequest) },
		func(ctx context.Context, c *rfe.Client) error { return last(c.SubmitJob(ctx, "s")) })
	triggered := sent(t, func() *schedulerv1.TriggerScheduleRequest { return new(schedulerv1.TriggerScheduleRequest) },
		func(ctx context.Context, c *rfe.Client) error { return last(c.TriggerSchedule(ctx, "t")) })
	equal(t, "attempts", len(submitted), 4)
	equal(t, "attempts", len(triggered), 4)
	must(t, uuid.Validate(submitted[0].GetRequestId()))
	must(t, uuid.Validate(triggered[0].GetRequestId()))
	for i := range submitted {
		equal(t, "the job's id", submitted[i].GetRequestId(), submitted[0].GetRequestId())
		equal(t, "the firing's id", triggered[i].GetRequestId(), triggered[0].GetRequestId())
	}
}

func TestTheCallersOwnIDIsSent(t *testing.T) {
	id := uuid.NewString()
	submitted := sent(t, func() *ingestv1.SubmitJobRequest { return new(ingestv1.SubmitJobRequest) },
		func(ctx context.Context, c *rfe.Client) error { return last(c.SubmitJob(ctx, "s", rfe.RequestID(id))) })
	equal(t, "id", submitted[0].GetRequestId(), id)
}

func TestPruningIsSentOnlyIfItIsAskedFor(t *testing.T) {
	request := func() *metadatav1.ApplySourcesRequest { return new(metadatav1.ApplySourcesRequest) }
	pruned := sent(t, request,
		func(ctx context.Context, c *rfe.Client) error { return last(c.ApplySources(ctx, nil, rfe.Prune())) })
	equal(t, "prune", pruned[0].GetPrune(), true)
	plain := sent(t, request, func(ctx context.Context, c *rfe.Client) error { return last(c.ApplySources(ctx, nil)) })
	equal(t, "prune", plain[0].GetPrune(), false)
}

func TestALetterIsReplayedWithItsOwnBytesOrOthers(t *testing.T) {
	request := func() *dlqv1.ReplayDeadLetterRequest { return new(dlqv1.ReplayDeadLetterRequest) }
	own := sent(t, request,
		func(ctx context.Context, c *rfe.Client) error { return last(c.ReplayLetter(ctx, "l", nil)) })
	equal(t, "bytes of its own", own[0].Raw == nil, true)
	mended := sent(t, request,
		func(ctx context.Context, c *rfe.Client) error { return last(c.ReplayLetter(ctx, "l", []byte("{}"))) })
	equal(t, "other bytes", string(mended[0].GetRaw()), "{}")
}

func TestSecretsOfALetterAreAskedForOnlyByName(t *testing.T) {
	request := func() *dlqv1.GetDeadLetterRequest { return new(dlqv1.GetDeadLetterRequest) }
	plain := sent(t, request, func(ctx context.Context, c *rfe.Client) error { return last(c.Letter(ctx, "l")) })
	equal(t, "reveal", plain[0].GetReveal(), false)
	revealed := sent(t, request,
		func(ctx context.Context, c *rfe.Client) error { return last(c.RevealedLetter(ctx, "l")) })
	equal(t, "reveal", revealed[0].GetReveal(), true)
}
