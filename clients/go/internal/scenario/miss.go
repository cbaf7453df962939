package main

import (
	"context"
	"time"

	rfe "rfe.dev/clients/go"
)

const (
	shortTime = 500 * time.Millisecond
	endless   = "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE (a.range * b.range) % 7 = 3"
)

func (r *run) miss(ctx context.Context) error {
	if err := r.client.PauseSource(ctx, numbers); err != nil {
		return err
	}
	submitted, err := r.client.SubmitJob(ctx, numbers)
	if err != nil {
		return err
	}
	id := submitted.GetJob().GetJobId()
	r.document["deadline"], err = missed(ctx, func(ctx context.Context) error {
		_, err := rfe.All(r.client.WatchJob(ctx, id))
		return err
	})
	if err != nil {
		return err
	}
	cancelled, err := r.client.CancelJob(ctx, id)
	if err != nil {
		return err
	}
	r.document["cancelled"] = stateOf(cancelled)
	if err := r.client.ResumeSource(ctx, numbers); err != nil {
		return err
	}
	r.document["sql_deadline"], err = missed(ctx, func(ctx context.Context) error {
		return readAll(ctx, r.client, endless)
	})
	return err
}

// missed calls with a short deadline, which must pass.
func missed(ctx context.Context, call func(context.Context) error) (map[string]any, error) {
	ctx, cancel := context.WithTimeout(ctx, shortTime)
	defer cancel()
	begun := time.Now()
	told, err := codeAndReason(call(ctx), rfe.ErrDeadlineExceeded)
	if err != nil {
		return nil, err
	}
	return map[string]any{"code": told["code"], "prompt": time.Since(begun) < 5*time.Second}, nil
}
