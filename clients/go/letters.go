package rfe

import (
	"context"
	"iter"

	dlqv1 "rfe.dev/clients/go/gen/rfe/dlq/v1"
)

// Letters are the dead letters without their bytes, newest first. The request may have a filter; nil: all, 500 a page.
func (c *Client) Letters(
	ctx context.Context, request *dlqv1.ListDeadLettersRequest,
) iter.Seq2[*dlqv1.DeadLetter, error] {
	return listed(ctx, c.dlq.service, c.dlq.calls.ListDeadLetters, request,
		func(r *dlqv1.ListDeadLettersRequest) paging { return paging{&r.PageSize, &r.PageToken} },
		(*dlqv1.ListDeadLettersResponse).GetDeadLetters)
}

// Letter is one dead letter with its bytes. Where something in it looks like a secret, that is hidden, and the record is in
// RawText instead of RawBase64. The error is [ErrNotFound] if there is none.
func (c *Client) Letter(ctx context.Context, id string) (*dlqv1.DeadLetter, error) {
	return c.letter(ctx, &dlqv1.GetDeadLetterRequest{Id: id})
}

// RevealedLetter is one dead letter as it is stored, secrets included.
func (c *Client) RevealedLetter(ctx context.Context, id string) (*dlqv1.DeadLetter, error) {
	return c.letter(ctx, &dlqv1.GetDeadLetterRequest{Id: id, Reveal: true})
}

func (c *Client) letter(ctx context.Context, request *dlqv1.GetDeadLetterRequest) (*dlqv1.DeadLetter, error) {
	answer, err := safe(ctx, c.dlq.service, c.dlq.calls.GetDeadLetter, request)
	return filled(c.dlq.service, answer.GetDeadLetter(), err, "dead letter")
}

// ReplayLetter queues a job that lands the letter, or raw, unless nil, in place of its bytes. A second replay queues nothing
// and answers with the first one's job. The error is [ErrNotFound] if there is none, [ErrFailedPrecondition] if it was
// discarded.
func (c *Client) ReplayLetter(ctx context.Context, id string, raw []byte) (*dlqv1.ReplayDeadLetterResponse, error) {
	request := &dlqv1.ReplayDeadLetterRequest{Id: id, Raw: raw}
	return safe(ctx, c.dlq.service, c.dlq.calls.ReplayDeadLetter, request)
}

// ReplayLetters queues jobs that land the open letters that match, the newest limit of them; 0 means 100. With dryRun it only
// tells which.
func (c *Client) ReplayLetters(
	ctx context.Context, filter *dlqv1.DeadLetterFilter, limit int, dryRun bool,
) (*dlqv1.ReplayDeadLettersResponse, error) {
	request := &dlqv1.ReplayDeadLettersRequest{Filter: filter, Limit: narrow(limit), DryRun: dryRun}
	return safe(ctx, c.dlq.service, c.dlq.calls.ReplayDeadLetters, request)
}

// DiscardLetter closes a letter for good, with why and who. The error is [ErrFailedPrecondition] if it was replayed.
func (c *Client) DiscardLetter(ctx context.Context, id, reason, by string) (*dlqv1.DeadLetter, error) {
	request := &dlqv1.DiscardDeadLetterRequest{Id: id, Reason: reason, By: by}
	answer, err := once(ctx, c.dlq.service, c.dlq.calls.DiscardDeadLetter, request)
	return filled(c.dlq.service, answer.GetDeadLetter(), err, "dead letter")
}
