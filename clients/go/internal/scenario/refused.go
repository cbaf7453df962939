package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	rfe "rfe.dev/clients/go"
)

// codeAndReason are of an error that must be of a class.
func codeAndReason(err, class error) (map[string]any, error) {
	var refused *rfe.Error
	if !errors.Is(err, class) || !errors.As(err, &refused) {
		return nil, fmt.Errorf("%v was expected, but it is: %w", class, err)
	}
	return map[string]any{"code": refused.CodeName(), "reason": refused.Reason}, nil
}

func (r *run) refused(ctx context.Context) error {
	_, err := r.client.Source(ctx, "nothing_here")
	if r.document["not_found"], err = codeAndReason(err, rfe.ErrNotFound); err != nil {
		return err
	}
	err = readAll(ctx, r.client, "SELECT nothing FROM "+events)
	r.document["sql_error"], err = codeAndReason(err, rfe.ErrInvalidArgument)
	return err
}

func readAll(ctx context.Context, client *rfe.Client, sql string) error {
	rows, err := client.Query(ctx, sql)
	if err != nil {
		return err
	}
	_, err = rows.Table()
	return err
}

// stranger has a wrong token, then a wrong address.
func (r *run) stranger(ctx context.Context) error {
	if os.Getenv("RFE_TOKEN") != "" {
		if err := r.wrongToken(ctx); err != nil {
			return err
		}
	}
	const nowhere = "http://127.0.0.1:1"
	client, err := rfe.New(rfe.WithURL(nowhere), rfe.WithMetadataURL(nowhere))
	if err != nil {
		return err
	}
	defer client.Close()
	_, err = client.Source(ctx, "x")
	told, err := codeAndReason(err, rfe.ErrUnreachable)
	r.document["unreachable"] = told["code"]
	return err
}

func (r *run) wrongToken(ctx context.Context) error {
	client, err := rfe.New(rfe.WithToken("rfe_wrong"))
	if err != nil {
		return err
	}
	defer client.Close()
	_, err = rfe.All(client.Sources(ctx, nil))
	if r.document["unauthenticated"], err = codeAndReason(err, rfe.ErrUnauthenticated); err != nil {
		return err
	}
	told, err := codeAndReason(readAll(ctx, client, "SELECT 1"), rfe.ErrUnauthenticated)
	r.document["sql_unauthenticated"] = told["code"]
	return err
}
