package rfe

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// typedErrors makes every error of a call an [*Error].
func typedErrors(url string) grpc.UnaryClientInterceptor {
	return func(
		ctx context.Context, method string, request, answer any,
		connection *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption,
	) error {
		var trailer metadata.MD
		options = append(options, grpc.Trailer(&trailer))
		if err := invoke(ctx, method, request, answer, connection, options...); err != nil {
			return fromGRPC(ctx, url, err, trailer)
		}
		return nil
	}
}

// typedStreamErrors does so for streams; the stubs of Flight get theirs by it as well.
func typedStreamErrors(url string) grpc.StreamClientInterceptor {
	return func(
		ctx context.Context, description *grpc.StreamDesc, connection *grpc.ClientConn,
		method string, open grpc.Streamer, options ...grpc.CallOption,
	) (grpc.ClientStream, error) {
		stream, err := open(ctx, description, connection, method, options...)
		if err != nil {
			return nil, fromGRPC(ctx, url, err, nil)
		}
		return &typedStream{ClientStream: stream, ctx: ctx, url: url}, nil
	}
}

type typedStream struct {
	grpc.ClientStream
	ctx context.Context // The caller's; the stream's own ends with the stream.
	url string
}

// RecvMsg is where a stream's errors appear; those of SendMsg are io.EOF, which says to look here.
func (s *typedStream) RecvMsg(message any) error {
	err := s.ClientStream.RecvMsg(message)
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return fromGRPC(s.ctx, s.url, err, s.Trailer())
}
