package rfe_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	rfe "rfe.dev/clients/go"
	ingestv1 "rfe.dev/clients/go/gen/rfe/ingest/v1"
)

// gate lets calls through when it is opened.
type gate struct {
	queue
	opened  chan struct{}
	waiting atomic.Int64
}

func (g *gate) accept(request *ingestv1.SubmitEventsRequest) (*ingestv1.SubmitEventsResponse, error) {
	g.waiting.Add(1)
	<-g.opened
	return g.queue.accept(request)
}

var full = refusal(codes.ResourceExhausted, "QUEUE_FULL", "the queue is full", retryIn(10*time.Millisecond))

func sendAll(t *testing.T, sender *rfe.EventSender, from, to int) {
	t.Helper()
	for n := from; n < to; n++ {
		must(t, sender.Send(t.Context(), newEvent(n)))
	}
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for begun := time.Now(); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Since(begun) > 5*time.Second {
			t.Fatalf("%s: not within 5 s", what)
		}
	}
}

func TestEveryEventIsDeliveredOnceThoughTheQueueIsFullAndAnAnswerIsLost(t *testing.T) {
	q := &queue{}
	var calls atomic.Int64
	p := &platform{submitEvents: func(request *ingestv1.SubmitEventsRequest) (*ingestv1.SubmitEventsResponse, error) {
		switch calls.Add(1) {
		case 1, 2:
			return nil, full
		case 3: // Taken, but its answer is lost.
			_, _ = q.accept(request)
			return nil, away
		default:
			return q.accept(request)
		}
	}}
	sender := p.start(t).EventSender("clicks")
	sendAll(t, sender, 0, 2600)
	summary, err := sender.Close(t.Context())
	must(t, err)
	equal(t, "durable", q.count(), 2600)
	equal(t, "answered", summary.Accepted+summary.Duplicates, 2600)
	equal(t, "sent again", summary.Duplicates > 0, true)
	equal(t, "largest call", slices.Max(q.sizes()), 500)
}

func TestASenderHoldsNoMoreThanFourCallsAndABatch(t *testing.T) {
	g := &gate{opened: make(chan struct{})}
	sender := (&platform{submitEvents: g.accept}).start(t).EventSender("clicks")
	sendAll(t, sender, 0, 2500)
	blocked, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err := sender.Send(blocked, newEvent(2500))
	equal(t, "the next one waits", errors.Is(err, context.DeadlineExceeded), true)
	var handedBack *rfe.SendError
	equal(t, "and is not taken", errors.As(err, &handedBack), false)
	equal(t, "calls under way", int(g.waiting.Load()), 4)
	close(g.opened)
	sendAll(t, sender, 2500, 2600)
	summary, err := sender.Close(t.Context())
	must(t, err)
	equal(t, "accepted", summary.Accepted, 2600)
}

func TestABatchEndsAtAMebibyteAndALargerEventGoesAlone(t *testing.T) {
	q := &queue{}
	sender := (&platform{submitEvents: q.accept}).start(t).EventSender("clicks")
	for n, size := range []int{400 << 10, 400 << 10, 400 << 10, 2 << 20, 10} {
		event := newEvent(n)
		event.Payload = bytes.Repeat([]byte("a"), size)
		must(t, sender.Send(t.Context(), event))
	}
	_, err := sender.Close(t.Context())
	must(t, err)
	sizes := q.sizes()
	slices.Sort(sizes)
	equal(t, "calls", fmt.Sprint(sizes), "[1 1 1 2]")
}

func TestWhatCanNotBeDeliveredIsHandedBackInOrderAndTheSenderGoesOn(t *testing.T) {
	q := &queue{}
	var broken atomic.Bool
	broken.Store(true)
	p := &platform{submitEvents: func(request *ingestv1.SubmitEventsRequest) (*ingestv1.SubmitEventsResponse, error) {
		if broken.Load() {
			return nil, refusal(codes.NotFound, "SOURCE_NOT_FOUND", "there is no such source")
		}
		return q.accept(request)
	}}
	sender := p.start(t).EventSender("clicks", rfe.WithMaxEvents(10), rfe.WithLinger(0))
	sent := 0
	var err error
	for ; err == nil; sent++ {
		err = sender.Send(t.Context(), newEvent(sent))
	}
	var handedBack *rfe.SendError
	if !errors.As(err, &handedBack) || !errors.Is(err, rfe.ErrNotFound) {
		t.Fatal(err)
	}
	equal(t, "all of them, the last one included", len(handedBack.Undelivered), sent)
	for n, event := range handedBack.Undelivered {
		equal(t, "order", event.GetEventId(), fmt.Sprintf("e-%d", n))
	}
	equal(t, "text", err.Error(), fmt.Sprintf("%d events were not delivered: there is no such source", sent))
	broken.Store(false)
	for _, event := range handedBack.Undelivered {
		must(t, sender.Send(t.Context(), event))
	}
	summary, err := sender.Close(t.Context())
	must(t, err)
	equal(t, "accepted", int(summary.Accepted), sent)
}

func TestASenderGivesUpWhenItsPatienceEnds(t *testing.T) {
	p := &platform{submitEvents: func(*ingestv1.SubmitEventsRequest) (*ingestv1.SubmitEventsResponse, error) {
		return nil, full
	}}
	sender := p.start(t).EventSender("clicks", rfe.WithPatience(500*time.Millisecond))
	must(t, sender.Send(t.Context(), newEvent(1)))
	begun := time.Now()
	err := sender.Flush(t.Context())
	var handedBack *rfe.SendError
	equal(t, "handed back", errors.As(err, &handedBack) && len(handedBack.Undelivered) == 1, true)
	equal(t, "why", errors.Is(err, rfe.ErrResourceExhausted), true)
	equal(t, "repeated", len(p.calls()) > 1, true)
	equal(t, "in time", time.Since(begun) < 2*time.Second, true)
	_, err = sender.Close(t.Context())
	must(t, err)
}

func TestAnEventDoesNotWaitForOthersForEver(t *testing.T) {
	q := &queue{}
	sender := (&platform{submitEvents: q.accept}).start(t).EventSender("clicks", rfe.WithLinger(50*time.Millisecond))
	must(t, sender.Send(t.Context(), newEvent(1)))
	eventually(t, "it is sent", func() bool { return sender.Summary().Accepted == 1 })
	patient := (&platform{submitEvents: q.accept}).start(t).EventSender("clicks", rfe.WithLinger(0))
	must(t, patient.Send(t.Context(), newEvent(2)))
	time.Sleep(100 * time.Millisecond)
	equal(t, "without linger", q.count(), 1)
	must(t, patient.Flush(t.Context()))
	equal(t, "flushed", q.count(), 2)
}

func TestRejectedEventsAreToldWithTheirNumbers(t *testing.T) {
	sender := (&platform{submitEvents: (&queue{}).accept}).start(t).EventSender("clicks")
	must(t, sender.Send(t.Context(), newEvent(1)))
	must(t, sender.Send(t.Context(), &ingestv1.Event{EventId: "b", Payload: []byte("bad")}))
	must(t, sender.SendNumbered(t.Context(), 77, &ingestv1.Event{EventId: "c", Payload: []byte("bad")}))
	must(t, sender.Flush(t.Context()))
	rejected := sender.TakeRejected()
	equal(t, "rejected", len(rejected), 2)
	equal(t, "by place", rejected[0], rfe.Rejected{Number: 2, EventID: "b", Message: "it is bad"})
	equal(t, "by the caller's number", rejected[1].Number, 77)
	summary, err := sender.Close(t.Context())
	must(t, err)
	equal(t, "taken", len(summary.Rejected), 0)
}

func TestManyGoroutinesShareASender(t *testing.T) {
	q := &queue{}
	sender := (&platform{submitEvents: q.accept}).start(t).EventSender("clicks", rfe.WithMaxEvents(7))
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for n := range 250 {
				if err := sender.Send(t.Context(), newEvent(1000*worker+n)); err != nil {
					t.Error(err)
				}
				if n%100 == 0 {
					if err := sender.Flush(t.Context()); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	group.Wait()
	summary, err := sender.Close(t.Context())
	must(t, err)
	equal(t, "accepted", summary.Accepted, 2000)
}

// Whatever fails and whoever asks: an event is durable or handed back to one of them.
func TestNoEventIsLostAmongGoroutinesThoughCallsFail(t *testing.T) {
	q := &queue{}
	var calls atomic.Int64
	p := &platform{submitEvents: func(request *ingestv1.SubmitEventsRequest) (*ingestv1.SubmitEventsResponse, error) {
		if calls.Add(1)%5 == 0 {
			return nil, refusal(codes.InvalidArgument, "INVALID_FIELD", "no")
		}
		return q.accept(request)
	}}
	sender := p.start(t).EventSender("clicks", rfe.WithMaxEvents(3), rfe.WithLinger(time.Millisecond))
	var handedBack atomic.Int64
	count := func(err error) {
		var some *rfe.SendError
		if errors.As(err, &some) {
			handedBack.Add(int64(len(some.Undelivered)))
		} else if err != nil {
			t.Error(err)
		}
	}
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for n := range 250 {
				count(sender.Send(t.Context(), newEvent(1000*worker+n)))
			}
			count(sender.Flush(t.Context()))
		})
	}
	group.Wait()
	summary, err := sender.Close(t.Context())
	count(err)
	equal(t, "accepted", int(summary.Accepted), q.count())
	equal(t, "accepted or handed back", int(summary.Accepted)+int(handedBack.Load()), 2000)
	equal(t, "some of each", summary.Accepted > 0 && handedBack.Load() > 0, true)
}

func TestAFlushWhoseContextEndsLeavesTheEventsOnTheirWay(t *testing.T) {
	g := &gate{opened: make(chan struct{})}
	sender := (&platform{submitEvents: g.accept}).start(t).EventSender("clicks")
	must(t, sender.Send(t.Context(), newEvent(1)))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := sender.Flush(ctx)
	equal(t, "late", errors.Is(err, context.DeadlineExceeded), true)
	close(g.opened)
	must(t, sender.Flush(t.Context()))
	equal(t, "accepted", sender.Summary().Accepted, 1)
}

func TestACloseWhoseContextEndsHandsBackWhatIsNotAnswered(t *testing.T) {
	g := &gate{opened: make(chan struct{})}
	defer close(g.opened)
	sender := (&platform{submitEvents: g.accept}).start(t).EventSender("clicks", rfe.WithMaxEvents(2))
	sendAll(t, sender, 0, 9)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := sender.Close(ctx)
	var handedBack *rfe.SendError
	if !errors.As(err, &handedBack) || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	equal(t, "all of them", len(handedBack.Undelivered), 9)
	equal(t, "order", handedBack.Undelivered[8].GetEventId(), "e-8")
	equal(t, "closed", errors.Is(sender.Send(t.Context(), newEvent(9)), rfe.ErrSenderClosed), true)
	_, err = sender.Close(t.Context())
	must(t, err)
}

func TestACloseEndsTheWaitingOfOthersWhoseEventsAreNotTaken(t *testing.T) {
	g := &gate{opened: make(chan struct{})}
	sender := (&platform{submitEvents: g.accept}).start(t).EventSender("clicks", rfe.WithMaxEvents(1))
	sendAll(t, sender, 0, 5)
	refused := make(chan error)
	go func() { refused <- sender.Send(t.Context(), newEvent(5)) }()
	time.Sleep(50 * time.Millisecond)
	closed := make(chan rfe.Summary)
	go func() {
		summary, _ := sender.Close(t.Context())
		closed <- summary
	}()
	equal(t, "closed", errors.Is(<-refused, rfe.ErrSenderClosed), true)
	close(g.opened)
	equal(t, "accepted", (<-closed).Accepted, 5)
}
