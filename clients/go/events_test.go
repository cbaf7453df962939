package rfe_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	rfe "rfe.dev/clients/go"
	ingestv1 "rfe.dev/clients/go/gen/rfe/ingest/v1"
)

// queue takes events as the platform does.
type queue struct {
	mutex   sync.Mutex
	durable map[string]int // id → how often it came.
	calls   []int          // Events a call.
}

func (q *queue) accept(request *ingestv1.SubmitEventsRequest) (*ingestv1.SubmitEventsResponse, error) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if q.durable == nil {
		q.durable = map[string]int{}
	}
	q.calls = append(q.calls, len(request.GetEvents()))
	answer := &ingestv1.SubmitEventsResponse{}
	for _, event := range request.GetEvents() {
		result := &ingestv1.EventResult{EventId: event.GetEventId()}
		switch {
		case string(event.GetPayload()) == "bad":
			result.Outcome, result.Message = ingestv1.EventOutcome_EVENT_OUTCOME_REJECTED, "it is bad"
		case q.durable[event.GetEventId()] > 0:
			result.Outcome = ingestv1.EventOutcome_EVENT_OUTCOME_DUPLICATE
		default:
			result.Outcome = ingestv1.EventOutcome_EVENT_OUTCOME_ACCEPTED
		}
		q.durable[event.GetEventId()]++
		answer.Results = append(answer.Results, result)
	}
	return answer, nil
}

func (q *queue) count() int {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	return len(q.durable)
}

func (q *queue) sizes() []int {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	return slices.Clone(q.calls)
}

func newEvent(n int) *ingestv1.Event {
	return &ingestv1.Event{EventId: fmt.Sprintf("e-%d", n), Payload: []byte("{}")}
}

func TestEventsWithoutIdGetOneThatIsKept(t *testing.T) {
	q := &queue{}
	client := (&platform{submitEvents: q.accept}).start(t)
	events := []*ingestv1.Event{{Payload: []byte("{}")}, newEvent(1)}
	results, err := client.SubmitEvents(t.Context(), "clicks", events)
	must(t, err)
	id, err := uuid.Parse(events[0].GetEventId())
	must(t, err)
	equal(t, "version", id.Version(), 7)
	equal(t, "result", results[0].GetEventId(), id.String())
	equal(t, "an id of the caller's", results[1].GetEventId(), "e-1")
	again, err := client.SubmitEvents(t.Context(), "clicks", events)
	must(t, err)
	equal(t, "again", again[0].GetOutcome(), ingestv1.EventOutcome_EVENT_OUTCOME_DUPLICATE)
}

func TestAnAnswerThatLeavesEventsOutIsOutsideTheProtocol(t *testing.T) {
	p := &platform{submitEvents: func(*ingestv1.SubmitEventsRequest) (*ingestv1.SubmitEventsResponse, error) {
		return &ingestv1.SubmitEventsResponse{}, nil
	}}
	_, err := p.start(t).SubmitEvents(t.Context(), "clicks", []*ingestv1.Event{newEvent(1)})
	equal(t, "text", strings.HasSuffix(err.Error(), "0 results for 1 events"), true)
}

type eventStream = grpc.ClientStreamingServer[ingestv1.StreamEventsRequest, ingestv1.StreamEventsResponse]

// some are n groups of two events.
func some(n int) func(func([]*ingestv1.Event) bool) {
	return func(yield func([]*ingestv1.Event) bool) {
		for i := range n {
			if !yield([]*ingestv1.Event{newEvent(2 * i), {Payload: []byte("{}")}}) {
				return
			}
		}
	}
}

func TestAStreamOfEventsIsAnsweredAtItsEnd(t *testing.T) {
	var without int
	p := &platform{streamEvents: func(stream eventStream) error {
		answer := &ingestv1.StreamEventsResponse{}
		for {
			message, err := stream.Recv()
			if errors.Is(err, io.EOF) {
				return stream.SendAndClose(answer)
			}
			if err != nil || message.GetSource() != "clicks" {
				return status.Error(codes.InvalidArgument, "no source")
			}
			for _, event := range message.GetEvents() {
				answer.Accepted++
				if event.GetEventId() == "" {
					without++
				}
			}
		}
	}}
	answer, err := p.start(t).StreamEvents(t.Context(), "clicks", some(100))
	must(t, err)
	equal(t, "accepted", answer.GetAccepted(), 200)
	equal(t, "without id", without, 0)
}

func TestAStreamThatBreaksOffSaysHowFarItGot(t *testing.T) {
	p := &platform{streamEvents: func(stream eventStream) error {
		if _, err := stream.Recv(); err != nil {
			return err
		}
		told, _ := status.New(codes.ResourceExhausted, "full").WithDetails(
			&errdetails.ErrorInfo{Reason: "QUEUE_FULL", Metadata: map[string]string{"processed": "2"}})
		return told.Err()
	}}
	endless := func(yield func([]*ingestv1.Event) bool) {
		for yield([]*ingestv1.Event{newEvent(1)}) {
		}
	}
	_, err := p.start(t).StreamEvents(t.Context(), "clicks", endless)
	e := asError(t, err)
	equal(t, "full", errors.Is(err, rfe.ErrResourceExhausted), true)
	processed, known := e.Processed()
	equal(t, "processed", processed, 2)
	equal(t, "known", known, true)
	_, known = (&rfe.Error{}).Processed()
	equal(t, "of another error", known, false)
}
