package rfe_test

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	rfe "rfe.dev/clients/go"
	metadatav1 "rfe.dev/clients/go/gen/rfe/metadata/v1"
)

var someSource = &metadatav1.GetSourceResponse{Source: &metadatav1.Source{Name: "x"}}

// failing answers GetSource with errors first, then well.
func failing(errs ...error) *platform {
	var asked atomic.Int64
	return &platform{getSource: func(context.Context, string) (*metadatav1.GetSourceResponse, error) {
		if n := int(asked.Add(1)); n <= len(errs) {
			return nil, errs[n-1]
		}
		return someSource, nil
	}}
}

// slow answers GetSource when its caller has gone.
func slow() *platform {
	return &platform{getSource: func(ctx context.Context, _ string) (*metadatav1.GetSourceResponse, error) {
		<-ctx.Done()
		return nil, status.FromContextError(ctx.Err()).Err()
	}}
}

var away = refusal(codes.Unavailable, "BACKEND_UNAVAILABLE", "starting")

func TestAReadIsRepeatedWhileItsServiceIsUnavailable(t *testing.T) {
	p := failing(away, away, away)
	source, err := p.start(t).Source(t.Context(), "x")
	must(t, err)
	equal(t, "name", source.GetName(), "x")
	equal(t, "attempts", len(p.calls()), 4)
}

func TestARepetitionEndsWithItsAttempts(t *testing.T) {
	p := failing(away, away, away, away)
	_, err := p.start(t).Source(t.Context(), "x")
	equal(t, "unavailable", errors.Is(err, rfe.ErrUnavailable), true)
	equal(t, "attempts", len(p.calls()), 4)
	p = failing(away)
	_, err = p.start(t, rfe.WithRetries(rfe.Backoff{})).Source(t.Context(), "x")
	equal(t, "unavailable", errors.Is(err, rfe.ErrUnavailable), true)
	equal(t, "attempts without repetition", len(p.calls()), 1)
}

func TestOnlyUnavailableIsRepeated(t *testing.T) {
	for _, code := range []codes.Code{codes.ResourceExhausted, codes.DeadlineExceeded, codes.Internal, codes.Aborted} {
		p := failing(refusal(code, "WHY", "no"))
		_, err := p.start(t).Source(t.Context(), "x")
		equal(t, "code", asError(t, err).Code, code)
		equal(t, "attempts", len(p.calls()), 1)
	}
}

func TestAServiceIsLeftAloneForAsLongAsItWants(t *testing.T) {
	p := failing(refusal(codes.Unavailable, "SHUTTING_DOWN", "later", retryIn(300*time.Millisecond)))
	begun := time.Now()
	_, err := p.start(t).Source(t.Context(), "x")
	must(t, err)
	if waited := time.Since(begun); waited < 300*time.Millisecond {
		t.Errorf("asked again after %v", waited)
	}
	p = failing(refusal(codes.Unavailable, "SHUTTING_DOWN", "much later", retryIn(2100*time.Millisecond)))
	_, err = p.start(t).Source(t.Context(), "x")
	equal(t, "retry after", asError(t, err).RetryAfter, 2100*time.Millisecond)
	equal(t, "attempts", len(p.calls()), 1)
}

func TestARepetitionStaysWithinTheDeadline(t *testing.T) {
	p := failing(refusal(codes.Unavailable, "SHUTTING_DOWN", "later", retryIn(1500*time.Millisecond)))
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	begun := time.Now()
	_, err := p.start(t).Source(ctx, "x")
	equal(t, "the last error", errors.Is(err, rfe.ErrUnavailable), true)
	equal(t, "at once", time.Since(begun) < 500*time.Millisecond, true)
}

func TestAServiceThatComesBackIsReachedAgain(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	client := connect(t, "http://"+listener.Addr().String())
	must(t, listener.Close())
	_, err = client.Source(t.Context(), "x")
	equal(t, "unreachable", errors.Is(err, rfe.ErrUnreachable), true)
	p := failing()
	p.listenAt(t, listener.Addr().String())
	_, err = client.Source(t.Context(), "x")
	must(t, err)
}

func TestACallWhoseContextHasNoDeadlineGetsTheClients(t *testing.T) {
	client := slow().start(t, rfe.WithDeadline(100*time.Millisecond))
	begun := time.Now()
	_, err := client.Source(t.Context(), "x")
	if !errors.Is(err, rfe.ErrDeadlineExceeded) || !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	equal(t, "reason", asError(t, err).Reason, "DEADLINE_EXCEEDED")
	equal(t, "prompt", time.Since(begun) < 2*time.Second, true)
}

func TestADeadlineOfAContextBeatsTheClients(t *testing.T) {
	p := &platform{getSource: func(ctx context.Context, _ string) (*metadatav1.GetSourceResponse, error) {
		time.Sleep(200 * time.Millisecond)
		deadline, _ := ctx.Deadline()
		return &metadatav1.GetSourceResponse{Source: &metadatav1.Source{Name: time.Until(deadline).String()}}, nil
	}}
	client := p.start(t, rfe.WithDeadline(100*time.Millisecond))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := client.Source(ctx, "x")
	must(t, err)
}

func TestADeadlineOf30SecondsIsTheDefaultAndNoneCanBeHad(t *testing.T) {
	left := func(options ...rfe.Option) (left time.Duration, has bool) {
		p := &platform{getSource: func(ctx context.Context, _ string) (*metadatav1.GetSourceResponse, error) {
			var deadline time.Time
			deadline, has = ctx.Deadline()
			left = time.Until(deadline)
			return someSource, nil
		}}
		_, err := p.start(t, options...).Source(t.Context(), "x")
		must(t, err)
		return left, has
	}
	if left, has := left(); !has || left < 25*time.Second || left > 30*time.Second {
		t.Errorf("%v, %v", left, has)
	}
	_, has := left(rfe.WithDeadline(0))
	equal(t, "a deadline of 0", has, false)
}

func TestACancelledCallSaysSo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	_, err := slow().start(t).Source(ctx, "x")
	if !errors.Is(err, rfe.ErrCancelled) || !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestACancelEndsThePauseBeforeARepetition(t *testing.T) {
	p := failing(refusal(codes.Unavailable, "SHUTTING_DOWN", "later", retryIn(1900*time.Millisecond)))
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	begun := time.Now()
	_, err := p.start(t).Source(ctx, "x")
	equal(t, "cancelled", errors.Is(err, context.Canceled), true)
	equal(t, "prompt", time.Since(begun) < time.Second, true)
}

func TestAClosedClientCallsNoMore(t *testing.T) {
	client := failing().start(t)
	must(t, client.Close())
	_, err := client.Source(t.Context(), "x")
	equal(t, "cancelled", errors.Is(err, rfe.ErrCancelled), true)
}
