package rfe

import (
	"fmt"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc"

	dlqv1 "rfe.dev/clients/go/gen/rfe/dlq/v1"
	ingestv1 "rfe.dev/clients/go/gen/rfe/ingest/v1"
	metadatav1 "rfe.dev/clients/go/gen/rfe/metadata/v1"
	schedulerv1 "rfe.dev/clients/go/gen/rfe/scheduler/v1"
)

// Client calls the services of one platform. It is safe for concurrent use.
type Client struct {
	ingest    stub[ingestv1.IngestServiceClient]
	metadata  stub[metadatav1.MetadataServiceClient]
	scheduler stub[schedulerv1.SchedulerServiceClient]
	dlq       stub[dlqv1.DlqServiceClient]
	sql       stub[*flightsql.Client]
	dialer    *dialer

	waitPatience time.Duration
}

// stub is a generated client and how to call it.
type stub[S any] struct {
	*service
	calls S
}

// New makes a client. Its addresses are those of the options, else of the environment: RFE_URL for all services (default
// [DefaultURL]), RFE_METADATA_URL, RFE_SCHEDULER_URL, RFE_DLQ_URL and RFE_QUERY_URL for one each, RFE_TOKEN, and for
// `https://` addresses RFE_TLS_CA, RFE_TLS_CLIENT_CERT and RFE_TLS_CLIENT_KEY. An address may lack its scheme.
//
// Connections are made on first use and again when they must be. The error is of class [ErrInvalidArgument]: an address or
// the token is none, or a file of TLS can't be used.
func New(options ...Option) (*Client, error) {
	s := newSettings(options)
	token, err := s.checkedToken()
	if err != nil {
		return nil, err
	}
	d := &dialer{settings: s, tls: s.tlsFiles(), token: token, connections: map[string]*grpc.ClientConn{}}
	client, err := d.client(s.endpoints())
	if err != nil {
		d.close()
		return nil, err
	}
	return client, nil
}

func (d *dialer) client(at endpoints) (*Client, error) {
	client := &Client{dialer: d, waitPatience: waitPatience}
	var err error
	if client.ingest, err = dial(d, at.ingest, ingestv1.NewIngestServiceClient); err != nil {
		return nil, err
	}
	if client.metadata, err = dial(d, at.metadata, metadatav1.NewMetadataServiceClient); err != nil {
		return nil, err
	}
	if client.scheduler, err = dial(d, at.scheduler, schedulerv1.NewSchedulerServiceClient); err != nil {
		return nil, err
	}
	if client.dlq, err = dial(d, at.dlq, dlqv1.NewDlqServiceClient); err != nil {
		return nil, err
	}
	if client.sql, err = dial(d, at.query, newFlightSQL); err != nil {
		return nil, err
	}
	return client, nil
}

func dial[S any](d *dialer, url string, bind func(grpc.ClientConnInterface) S) (stub[S], error) {
	at, err := d.service(url)
	if err != nil {
		return stub[S]{}, err
	}
	return stub[S]{service: at, calls: bind(at.connection)}, nil
}

func newFlightSQL(connection grpc.ClientConnInterface) *flightsql.Client {
	return &flightsql.Client{Client: flight.NewClientFromConn(connection, nil), Alloc: memory.DefaultAllocator}
}

// Close closes the connections; calls that are under way fail as cancelled.
func (c *Client) Close() error {
	c.dialer.close()
	return nil
}

// String shows the address of ingest, and never the token.
func (c *Client) String() string { return fmt.Sprintf("rfe.Client(%s)", c.ingest.url) }

// GoString is as [Client.String].
func (c *Client) GoString() string { return c.String() }
