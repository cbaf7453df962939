package main

import (
	"context"
	"fmt"

	dlqv1 "rfe.dev/clients/go/gen/rfe/dlq/v1"
)

func (r *run) mend(ctx context.Context) error {
	id, err := r.findLetter(ctx)
	if err != nil {
		return err
	}
	letter, err := r.client.Letter(ctx, id)
	if err != nil {
		return err
	}
	r.document["letter"] = map[string]any{
		"kind": letter.GetKind(), "code": letter.GetCode(), "field_path": letter.GetFieldPath(),
		"raw": string(letter.GetRawBase64()),
	}
	if err := r.replay(ctx, id); err != nil {
		return err
	}
	rows, err := r.integers(ctx, "SELECT count(*) FROM "+events)
	if err != nil {
		return err
	}
	r.document["rows_after_replay"] = rows[0]
	if letter, err = r.client.Letter(ctx, id); err != nil {
		return err
	}
	r.document["letter_state"] = letter.GetState()
	return nil
}

func (r *run) findLetter(ctx context.Context) (id string, err error) {
	request := &dlqv1.ListDeadLettersRequest{
		Filter:   &dlqv1.DeadLetterFilter{Source: events, State: "open"},
		PageSize: 7,
	}
	count, distinct := 0, map[string]bool{}
	for letter, err := range r.client.Letters(ctx, request) {
		if err != nil {
			return "", err
		}
		count++
		distinct[letter.GetId()] = true
		if letter.GetEventId() == "e-499" {
			id = letter.GetId()
		}
	}
	r.document["letters"], r.document["letters_distinct"] = count, len(distinct)
	if id == "" {
		return "", fmt.Errorf("no letter of e-499 among %d", count)
	}
	return id, nil
}

func (r *run) replay(ctx context.Context, id string) error {
	replayed, err := r.client.ReplayLetter(ctx, id, []byte(`{"n": 499, "word": "mended"}`))
	if err != nil {
		return err
	}
	job, err := r.client.WaitJob(ctx, replayed.GetJobId(), nil)
	if err != nil {
		return err
	}
	r.document["replayed"] = map[string]any{"state": stateOf(job), "already": replayed.GetAlreadyReplayed()}
	again, err := r.client.ReplayLetter(ctx, id, nil)
	if err != nil {
		return err
	}
	r.document["replayed_again"] = map[string]any{"already": again.GetAlreadyReplayed()}
	return nil
}
