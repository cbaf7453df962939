package rfe_test

import (
	"context"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	rfe "rfe.dev/clients/go"
	ingestv1 "rfe.dev/clients/go/gen/rfe/ingest/v1"
	metadatav1 "rfe.dev/clients/go/gen/rfe/metadata/v1"
)

// platform answers as its fields say; what has none is unimplemented.
type platform struct {
	ingestv1.UnimplementedIngestServiceServer
	metadatav1.UnimplementedMetadataServiceServer

	submitEvents func(*ingestv1.SubmitEventsRequest) (*ingestv1.SubmitEventsResponse, error)
	streamEvents func(grpc.ClientStreamingServer[ingestv1.StreamEventsRequest, ingestv1.StreamEventsResponse]) error
	watchJob     func(string, grpc.ServerStreamingServer[ingestv1.WatchJobResponse]) error
	getSource    func(context.Context, string) (*metadatav1.GetSourceResponse, error)
	listSources  func(*metadatav1.ListSourcesRequest) (*metadatav1.ListSourcesResponse, error)

	mutex  sync.Mutex
	called []string
	seen   []metadata.MD
}

func (p *platform) SubmitEvents(
	_ context.Context, request *ingestv1.SubmitEventsRequest,
) (*ingestv1.SubmitEventsResponse, error) {
	return p.submitEvents(request)
}

func (p *platform) StreamEvents(
	stream grpc.ClientStreamingServer[ingestv1.StreamEventsRequest, ingestv1.StreamEventsResponse],
) error {
	return p.streamEvents(stream)
}

func (p *platform) WatchJob(
	request *ingestv1.WatchJobRequest, stream grpc.ServerStreamingServer[ingestv1.WatchJobResponse],
) error {
	return p.watchJob(request.GetJobId(), stream)
}

func (p *platform) GetSource(
	ctx context.Context, request *metadatav1.GetSourceRequest,
) (*metadatav1.GetSourceResponse, error) {
	return p.getSource(ctx, request.GetName())
}

func (p *platform) ListSources(
	_ context.Context, request *metadatav1.ListSourcesRequest,
) (*metadatav1.ListSourcesResponse, error) {
	return p.listSources(request)
}

// calls are the RPCs that arrived, in order.
func (p *platform) calls() []string {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return slices.Clone(p.called)
}

// headers are those of the last RPC.
func (p *platform) headers() metadata.MD {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.seen[len(p.seen)-1]
}

func (p *platform) note(ctx context.Context, method string) {
	headers, _ := metadata.FromIncomingContext(ctx)
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.called = append(p.called, method)
	p.seen = append(p.seen, headers)
}

// listen serves the platform on a port of its own until the test ends, and answers with its URL.
func (p *platform) listen(t *testing.T, options ...grpc.ServerOption) string {
	t.Helper()
	return p.listenAt(t, "127.0.0.1:0", options...)
}

func (p *platform) listenAt(t *testing.T, address string, options ...grpc.ServerOption) string {
	t.Helper()
	return serve(t, address, func(server *grpc.Server) {
		ingestv1.RegisterIngestServiceServer(server, p)
		metadatav1.RegisterMetadataServiceServer(server, p)
	}, append(options, grpc.ChainUnaryInterceptor(p.noteUnary), grpc.ChainStreamInterceptor(p.noteStream))...)
}

func (p *platform) noteUnary(
	ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler,
) (any, error) {
	p.note(ctx, info.FullMethod)
	return handle(ctx, request)
}

func (p *platform) noteStream(
	server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler,
) error {
	p.note(stream.Context(), info.FullMethod)
	return handle(server, stream)
}

// start serves the platform and makes a client of it, whose pauses are short.
func (p *platform) start(t *testing.T, options ...rfe.Option) *rfe.Client {
	t.Helper()
	return connect(t, p.listen(t), options...)
}

func serve(t *testing.T, address string, register func(*grpc.Server), options ...grpc.ServerOption) string {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	must(t, err)
	server := grpc.NewServer(options...)
	register(server)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return "http://" + listener.Addr().String()
}

// connect makes a client that knows nothing of the environment.
func connect(t *testing.T, url string, options ...rfe.Option) *rfe.Client {
	t.Helper()
	client, err := rfe.New(append([]rfe.Option{
		rfe.WithEnv(func(string) string { return "" }),
		rfe.WithURL(url),
		rfe.WithRetries(rfe.Backoff{Attempts: 4, Base: 10 * time.Millisecond, Cap: 2 * time.Second}),
	}, options...)...)
	must(t, err)
	t.Cleanup(func() { client.Close() })
	return client
}

// refusal is an error as the platform's services make it.
func refusal(code codes.Code, reason, message string, more ...protoadapt.MessageV1) error {
	info := &errdetails.ErrorInfo{Reason: reason, Domain: "rfe.dev"}
	told, err := status.New(code, message).WithDetails(append([]protoadapt.MessageV1{info}, more...)...)
	if err != nil {
		panic(err)
	}
	return told.Err()
}

func retryIn(delay time.Duration) *errdetails.RetryInfo {
	return &errdetails.RetryInfo{RetryDelay: durationpb.New(delay)}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T comparable](t *testing.T, what string, seen, wanted T) {
	t.Helper()
	if seen != wanted {
		t.Errorf("%s: %v, not %v", what, seen, wanted)
	}
}
