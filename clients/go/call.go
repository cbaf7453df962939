package rfe

import (
	"context"
	"errors"
	"math"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
)

// unary is a method of a generated stub.
type unary[Q, R any] func(context.Context, Q, ...grpc.CallOption) (R, error)

// once calls.
func once[Q, R any](ctx context.Context, at *service, call unary[Q, R], request Q) (R, error) {
	ctx, cancel := at.bounded(ctx)
	defer cancel()
	return call(ctx, request)
}

// safe calls, and calls again while the service is unavailable: for reads and calls that are idempotent.
func safe[Q, R any](ctx context.Context, at *service, call unary[Q, R], request Q) (R, error) {
	ctx, cancel := at.bounded(ctx)
	defer cancel()
	return repeated(ctx, at, func() (R, error) { return call(ctx, request) })
}

// repeated calls until it succeeds, fails for good, or the attempts or the time are used up.
func repeated[R any](ctx context.Context, at *service, call func() (R, error)) (R, error) {
	for attempt := 1; ; attempt++ {
		answer, err := call()
		if err == nil {
			return answer, nil
		}
		delay, again := at.delay(err, attempt)
		if !again || !fits(ctx, delay) {
			return answer, err
		}
		at.connection.ResetConnectBackoff()
		if ended := at.pause(ctx, delay); ended != nil {
			return answer, ended
		}
	}
}

// bounded gives a context the default deadline if it has none.
func (s *service) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, has := ctx.Deadline(); has || s.deadline <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, s.deadline)
}

func (s *service) delay(err error, attempt int) (time.Duration, bool) {
	var failed *Error
	if !errors.As(err, &failed) || failed.Code != codes.Unavailable || attempt >= s.retries.Attempts {
		return 0, false
	}
	if failed.RetryAfter > s.retries.Cap {
		return 0, false
	}
	return max(s.retries.delay(attempt), failed.RetryAfter), true
}

// pause waits, and says how the context ended if it did.
func (s *service) pause(ctx context.Context, delay time.Duration) error {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return s.ended(ctx)
	}
}

// ended is the error of a context that is done.
func (s *service) ended(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return cancelledError(s.url)
	}
	return deadlineError(s.url)
}

func (s *service) broken(reason string) error { return brokenError(s.url, reason) }

// filled is the value that an answer must have.
func filled[T any](at *service, value *T, err error, name string) (*T, error) {
	if err != nil {
		return nil, err
	}
	if value == nil {
		return nil, at.broken("the answer has no " + name)
	}
	return value, nil
}

// narrow is a number as the protocol has it; one that is too large stays too large.
func narrow(number int) int32 { return int32(min(max(number, math.MinInt32), math.MaxInt32)) }

// fits is true if a context lasts longer than a delay.
func fits(ctx context.Context, delay time.Duration) bool {
	deadline, has := ctx.Deadline()
	return !has || time.Until(deadline) > delay
}

// retryAfter is how long the service wants to be left alone; 0 if it does not say.
func retryAfter(err error) time.Duration {
	var failed *Error
	if errors.As(err, &failed) {
		return failed.RetryAfter
	}
	return 0
}
