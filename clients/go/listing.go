package rfe

import (
	"context"
	"iter"

	"google.golang.org/protobuf/proto"
)

const defaultPageSize = 500

// paging are the fields of a request that say which page is asked for.
type paging struct {
	size  *int32
	token *string
}

// page is an answer with a part of a list.
type page interface{ GetNextPageToken() string }

// listed asks for page after page, and for nothing before the first step. The request stays as it is.
func listed[Q proto.Message, R page, T any](
	ctx context.Context, at *service, call unary[Q, R], request Q, fields func(Q) paging, items func(R) []T,
) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		request := fresh(request)
		wanted := fields(request)
		if *wanted.size <= 0 {
			*wanted.size = defaultPageSize
		}
		for {
			answer, err := safe(ctx, at, call, request)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range items(answer) {
				if !yield(item, nil) {
					return
				}
			}
			if *wanted.token = answer.GetNextPageToken(); *wanted.token == "" {
				return
			}
		}
	}
}

// fresh is a copy of a message, or an empty one in place of nil.
func fresh[Q proto.Message](message Q) Q {
	if !message.ProtoReflect().IsValid() {
		return message.ProtoReflect().New().Interface().(Q)
	}
	return proto.CloneOf(message)
}

// All is the whole of a list, in memory.
func All[T any](list iter.Seq2[T, error]) ([]T, error) {
	var all []T
	for item, err := range list {
		if err != nil {
			return nil, err
		}
		all = append(all, item)
	}
	return all, nil
}
