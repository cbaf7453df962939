package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	rfe "rfe.dev/clients/go"
	ingestv1 "rfe.dev/clients/go/gen/rfe/ingest/v1"
)

const pressedEvents = 1000

func numbered(n int) *ingestv1.Event {
	return &ingestv1.Event{EventId: fmt.Sprintf("f-%d", n), Payload: fmt.Appendf(nil, `{"n": %d}`, n)}
}

func (r *run) fill(ctx context.Context) error {
	if err := r.client.PauseSource(ctx, full); err != nil {
		return err
	}
	if err := r.exhaust(ctx); err != nil {
		return err
	}
	if err := r.press(ctx); err != nil {
		return err
	}
	if err := r.landed(ctx, full); err != nil {
		return err
	}
	rows, err := r.integers(ctx, "SELECT count(*) FROM "+full)
	if err != nil {
		return err
	}
	r.document["rows_full"] = rows[0]
	return nil
}

// exhaust sends one event a call until it is refused.
func (r *run) exhaust(ctx context.Context) error {
	for n := range pressedEvents {
		_, err := r.client.SubmitEvents(ctx, full, []*ingestv1.Event{numbered(n)})
		if err == nil {
			continue
		}
		var refused *rfe.Error
		asked := errors.As(err, &refused) && refused.RetryAfter > 0
		told, err := codeAndReason(err, rfe.ErrResourceExhausted)
		if err != nil {
			return err
		}
		told["taken"], told["retry_after"] = n, asked
		r.document["exhausted"] = told
		return nil
	}
	return fmt.Errorf("%d events were taken by a paused source", pressedEvents)
}

// press sends more than the queue takes until the source is resumed.
func (r *run) press(ctx context.Context) error {
	sender := r.client.EventSender(full, rfe.WithMaxEvents(50))
	finished := make(chan error, 1)
	go func() { finished <- r.sendAll(ctx, sender) }()
	waited := false
	select {
	case err := <-finished:
		finished <- err
	case <-time.After(1500 * time.Millisecond):
		waited = sender.Summary().Accepted == 0
	}
	if err := r.client.ResumeSource(ctx, full); err != nil {
		return err
	}
	if err := <-finished; err != nil {
		return err
	}
	r.document["pressed"] = map[string]any{"waited": waited, "accepted": sender.Summary().Accepted}
	return nil
}

func (r *run) sendAll(ctx context.Context, sender *rfe.EventSender) error {
	for n := range pressedEvents {
		if err := sender.Send(ctx, numbered(pressedEvents+n)); err != nil {
			return err
		}
	}
	_, err := sender.Close(ctx)
	return err
}
