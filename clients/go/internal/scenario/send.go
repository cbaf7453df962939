package main

import (
	"context"
	"fmt"

	ingestv1 "rfe.dev/clients/go/gen/rfe/ingest/v1"
)

const (
	sentEvents    = 10_000
	repeatedFirst = 500
)

func isBad(n int) bool { return n%500 == 499 }

func word(n int) string { return fmt.Sprintf("w%d", n%7) }

func event(n int) *ingestv1.Event {
	payload := fmt.Sprintf(`{"n": %d, "word": "%s"}`, n, word(n))
	if isBad(n) {
		payload = fmt.Sprintf(`{"n": "bad %d", "word": "%s"}`, n, word(n))
	}
	return &ingestv1.Event{EventId: fmt.Sprintf("e-%d", n), Payload: []byte(payload)}
}

func (r *run) send(ctx context.Context) error {
	sender := r.client.EventSender(events)
	for i := range sentEvents + repeatedFirst {
		if err := sender.Send(ctx, event(i%sentEvents)); err != nil {
			return err
		}
	}
	summary, err := sender.Close(ctx)
	if err != nil {
		return err
	}
	r.document["sent"] = map[string]any{
		"accepted": summary.Accepted, "duplicates": summary.Duplicates, "rejected": len(summary.Rejected),
	}
	return nil
}
