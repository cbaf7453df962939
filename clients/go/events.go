package rfe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	ingestv1 "rfe.dev/clients/go/gen/rfe/ingest/v1"
)

// SubmitEvents submits up to 1,000 events or 4 MiB in one call; the results are in the order of the events. An event without id
// gets one, in place, so that a repeated call lands nothing twice. For more events there is [Client.EventSender].
//
// The error says that the source does not exist or takes no events, or that the queue is full ([ErrResourceExhausted]). What
// is wrong with one event alone is in its result.
func (c *Client) SubmitEvents(
	ctx context.Context, source string, events []*ingestv1.Event,
) ([]*ingestv1.EventResult, error) {
	giveIDs(events)
	request := &ingestv1.SubmitEventsRequest{Source: source, Events: events}
	answer, err := safe(ctx, c.ingest.service, c.ingest.calls.SubmitEvents, request)
	return c.oneEach(events, answer, err)
}

// StreamEvents submits events as one stream; each item of events is some of them, in any number. They become durable in
// order, group by group, and events is asked for more only then. The answer comes at the end; [Client.EventSender] repeats
// what was not delivered, this does not.
//
// [Error.Processed] says how many events, from the first one, are answered for good: go on behind them. Where it does not
// say, send all again, with the same ids.
func (c *Client) StreamEvents(
	ctx context.Context, source string, events iter.Seq[[]*ingestv1.Event],
) (*ingestv1.StreamEventsResponse, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.ingest.calls.StreamEvents(ctx)
	if err != nil {
		return nil, err
	}
	for some := range events {
		giveIDs(some)
		err := stream.Send(&ingestv1.StreamEventsRequest{Source: source, Events: some})
		if errors.Is(err, io.EOF) {
			break // The service has answered already.
		}
		if err != nil {
			return nil, fromGRPC(ctx, c.ingest.url, err, nil)
		}
	}
	return stream.CloseAndRecv()
}

// oneEach checks that each event has its result.
func (c *Client) oneEach(
	events []*ingestv1.Event, answer *ingestv1.SubmitEventsResponse, err error,
) ([]*ingestv1.EventResult, error) {
	if err != nil {
		return nil, err
	}
	if results := answer.GetResults(); len(results) == len(events) {
		return results, nil
	}
	return nil, c.ingest.broken(fmt.Sprintf("%d results for %d events", len(answer.GetResults()), len(events)))
}

func giveIDs(events []*ingestv1.Event) {
	for _, event := range events {
		if event.EventId == "" {
			event.EventId = newID()
		}
	}
}
