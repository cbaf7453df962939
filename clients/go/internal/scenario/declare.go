package main

import (
	"context"

	rfe "rfe.dev/clients/go"
	metadatav1 "rfe.dev/clients/go/gen/rfe/metadata/v1"
)

const (
	events  = "scenario_events"
	numbers = "scenario_numbers"
	full    = "scenario_full"
)

func sources() []*metadatav1.Source {
	return []*metadatav1.Source{
		{Name: events, Kind: "webhook", Columns: map[string]string{"n": "BIGINT", "word": "VARCHAR"}},
		{Name: numbers, Kind: "synthetic", Config: rfe.MustConfig(map[string]any{
			"count": 1000, "rate": 0, "seed": 7, "error_share": 0,
		})},
		{Name: full, Kind: "webhook", Columns: map[string]string{"n": "BIGINT"}},
	}
}

func (r *run) declare(ctx context.Context) error {
	for _, key := range []string{"applied", "applied_again"} {
		applied, err := r.client.ApplySources(ctx, sources())
		if err != nil {
			return err
		}
		actions := []string{}
		for _, one := range applied {
			actions = append(actions, one.GetAction())
		}
		r.document[key] = actions
	}
	return nil
}
