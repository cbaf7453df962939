package rfe_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	rfe "rfe.dev/clients/go"
	ingestv1 "rfe.dev/clients/go/gen/rfe/ingest/v1"
	metadatav1 "rfe.dev/clients/go/gen/rfe/metadata/v1"
)

// refusing is a client of a platform that answers GetSource with an error.
func refusing(t *testing.T, err error, options ...rfe.Option) *rfe.Client {
	p := &platform{getSource: func(context.Context, string) (*metadatav1.GetSourceResponse, error) { return nil, err }}
	return p.start(t, options...)
}

func asError(t *testing.T, err error) *rfe.Error {
	t.Helper()
	var typed *rfe.Error
	if !errors.As(err, &typed) {
		t.Fatalf("%v (%T) is no *rfe.Error", err, err)
	}
	return typed
}

func TestTheDetailsOfAStatusBecomeFields(t *testing.T) {
	told, err := status.New(codes.ResourceExhausted, "the queue is full").WithDetails(
		&errdetails.ErrorInfo{Reason: "QUEUE_FULL", Metadata: map[string]string{"source": "clicks"}},
		&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{
			{Field: "events", Description: "too many"},
		}},
		retryIn(3*time.Second),
	)
	must(t, err)
	_, err = refusing(t, told.Err()).Source(t.Context(), "x")
	e := asError(t, err)
	equal(t, "text", e.Error(), "the queue is full")
	equal(t, "code", e.CodeName(), "RESOURCE_EXHAUSTED")
	equal(t, "reason", e.Reason, "QUEUE_FULL")
	equal(t, "metadata", e.Metadata["source"], "clicks")
	equal(t, "violation", e.Violations[0], rfe.Violation{Field: "events", Description: "too many"})
	equal(t, "retry after", e.RetryAfter, 3*time.Second)
	equal(t, "transient", e.Transient(), true)
	equal(t, "code for gRPC", status.Code(fmt.Errorf("around: %w", err)), codes.ResourceExhausted)
}

func TestEachClassHasItsSentinel(t *testing.T) {
	for code, sentinel := range map[codes.Code]error{
		codes.InvalidArgument: rfe.ErrInvalidArgument, codes.NotFound: rfe.ErrNotFound,
		codes.AlreadyExists: rfe.ErrAlreadyExists, codes.FailedPrecondition: rfe.ErrFailedPrecondition,
		codes.Aborted: rfe.ErrAborted, codes.ResourceExhausted: rfe.ErrResourceExhausted,
		codes.Unauthenticated: rfe.ErrUnauthenticated, codes.PermissionDenied: rfe.ErrPermissionDenied,
		codes.Unimplemented: rfe.ErrUnimplemented, codes.Unavailable: rfe.ErrUnavailable,
		codes.DeadlineExceeded: rfe.ErrDeadlineExceeded, codes.Canceled: rfe.ErrCancelled,
		codes.Internal: rfe.ErrInternal, codes.Unknown: rfe.ErrInternal, codes.DataLoss: rfe.ErrInternal,
		codes.OutOfRange: rfe.ErrInvalidArgument,
	} {
		_, err := refusing(t, refusal(code, "WHY", "no")).Source(t.Context(), "x")
		if !errors.Is(err, sentinel) || errors.Is(err, rfe.ErrUnreachable) {
			t.Errorf("%v: %v", code, err)
		}
		equal(t, code.String(), asError(t, err).Reason, "WHY")
	}
}

func TestAnErrorWithoutDetailsHasTheReasonOfItsClass(t *testing.T) {
	for code, reason := range map[codes.Code]string{
		codes.Unavailable: "BACKEND_UNAVAILABLE", codes.Unauthenticated: "TOKEN_INVALID",
		codes.Unimplemented: "NOT_IMPLEMENTED", codes.NotFound: "INTERNAL",
	} {
		_, err := refusing(t, status.Error(code, "said by a proxy")).Source(t.Context(), "x")
		equal(t, code.String(), asError(t, err).Reason, reason)
		equal(t, "unreachable", errors.Is(err, rfe.ErrUnreachable), false)
	}
}

func TestNoConnectionIsUnreachableWhichCountsAsUnavailable(t *testing.T) {
	client := connect(t, "http://127.0.0.1:1")
	_, err := client.Source(t.Context(), "x")
	if !errors.Is(err, rfe.ErrUnreachable) || !errors.Is(err, rfe.ErrUnavailable) {
		t.Fatal(err)
	}
	equal(t, "text", err.Error(), "http://127.0.0.1:1 can't be reached: dial tcp 127.0.0.1:1: connect: connection refused")
	equal(t, "transient", asError(t, err).Transient(), true)
	_, err = rfe.All(client.WatchJob(t.Context(), "x"))
	equal(t, "a stream", errors.Is(err, rfe.ErrUnreachable), true)
	_, err = client.Query(t.Context(), "SELECT 1")
	equal(t, "sql", errors.Is(err, rfe.ErrUnreachable), true)
}

func TestAConnectionThatBreaksIsUnreachable(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	server := grpc.NewServer()
	p := &platform{watchJob: func(_ string, stream grpc.ServerStreamingServer[ingestv1.WatchJobResponse]) error {
		if err := stream.Send(&ingestv1.WatchJobResponse{Job: &ingestv1.Job{}}); err != nil {
			return err
		}
		<-stream.Context().Done()
		return nil
	}}
	ingestv1.RegisterIngestServiceServer(server, p)
	go func() { _ = server.Serve(listener) }()
	var last error
	for _, err := range connect(t, "http://"+listener.Addr().String()).WatchJob(t.Context(), "x") {
		last = err
		go server.Stop()
	}
	if !errors.Is(last, rfe.ErrUnreachable) {
		t.Errorf("%v (%T)", last, last)
	}
}

func TestAnAnswerLargerThanAllowedIsNoReasonToAskAgain(t *testing.T) {
	p := &platform{getSource: func(context.Context, string) (*metadatav1.GetSourceResponse, error) {
		return &metadatav1.GetSourceResponse{Source: &metadatav1.Source{Name: strings.Repeat("a", 65<<20)}}, nil
	}}
	_, err := p.start(t).Source(t.Context(), "x")
	equal(t, "internal", errors.Is(err, rfe.ErrInternal), true)
	equal(t, "transient", asError(t, err).Transient(), false)
}

func TestAnAnswerWithoutItsValueIsOutsideTheProtocol(t *testing.T) {
	p := &platform{getSource: func(context.Context, string) (*metadatav1.GetSourceResponse, error) {
		return &metadatav1.GetSourceResponse{}, nil
	}}
	_, err := p.start(t).Source(t.Context(), "x")
	if !errors.Is(err, rfe.ErrInternal) || !strings.HasSuffix(err.Error(), "answered outside the protocol: the answer has no source") {
		t.Error(err)
	}
}

func TestATokenIsSentAndNeverShown(t *testing.T) {
	const secret = "rfe_s3cret"
	p := &platform{getSource: func(context.Context, string) (*metadatav1.GetSourceResponse, error) {
		return nil, refusal(codes.Unauthenticated, "TOKEN_INVALID", "no")
	}}
	client := p.start(t, rfe.WithToken(" "+secret+"\n"))
	_, err := client.Source(t.Context(), "x")
	equal(t, "header", p.headers().Get("authorization")[0], "Bearer "+secret)
	for _, shown := range []string{
		fmt.Sprint(client), fmt.Sprintf("%+v %#v", client, client), fmt.Sprintf("%+v %#v", *client, *client),
		fmt.Sprintf("%v %+v %#v", err, asError(t, err), asError(t, err)),
	} {
		if strings.Contains(shown, "s3cret") {
			t.Error(shown)
		}
	}
	_, err = rfe.New(rfe.WithToken("rfe_s3c\nret"))
	if !errors.Is(err, rfe.ErrInvalidArgument) || strings.Contains(err.Error(), "s3c") {
		t.Error(err)
	}
}
