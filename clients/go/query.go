package rfe

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc"
)

// Results come in batches of about 1 MiB, but one row may be larger.
var flightOptions = []grpc.CallOption{grpc.MaxCallRecvMsgSize(maxFlightBytes)}

// Query runs SQL over one snapshot of the datasets. Each `?` in it takes one of args, in order, as a value of its own, never
// as text of the statement:
//
//	nil · bool · integers · floats · string · []byte · [time.Time] (as TIMESTAMPTZ, in microseconds) · what implements
//	[database/sql/driver.Valuer] · pointers to these · Scalars of Arrow's package scalar, for every other type
//
// The result streams in bounded memory; [Rows.Close] ends the statement on the server. The context counts until the rows are
// closed, and there is no deadline without one in it. The error is [ErrInvalidArgument] with reason SQL_INVALID or
// SQL_NOT_ALLOWED if the SQL is wrong or more than a query, [ErrResourceExhausted] if it needs more than it may use.
func (c *Client) Query(ctx context.Context, sql string, args ...any) (*Rows, error) {
	parameters, err := bind(args)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	rows, err := c.openRows(ctx, cancel, sql, parameters)
	if err != nil {
		cancel()
		return nil, err
	}
	return rows, nil
}

func (c *Client) openRows(
	ctx context.Context, cancel context.CancelFunc, sql string, parameters arrow.RecordBatch,
) (*Rows, error) {
	at := c.sql.service
	info, err := repeated(ctx, at, func() (*flight.FlightInfo, error) {
		if parameters == nil {
			return c.sql.calls.Execute(ctx, sql, flightOptions...)
		}
		return c.plan(ctx, sql, parameters)
	})
	if err != nil {
		return nil, at.flightError(ctx, err)
	}
	ticket, err := at.onlyTicket(info)
	if err != nil {
		return nil, err
	}
	reader, err := repeated(ctx, at, func() (*flight.Reader, error) {
		return c.sql.calls.DoGet(ctx, ticket, flightOptions...)
	})
	if err != nil {
		return nil, at.flightError(ctx, err)
	}
	return &Rows{at: at, ctx: ctx, cancel: cancel, reader: reader}, nil
}

// plan prepares a statement with its values. The ticket holds both, so the statement is closed at once.
func (c *Client) plan(ctx context.Context, sql string, parameters arrow.RecordBatch) (*flight.FlightInfo, error) {
	// Arrow leaves its streams open; they end with the context.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	prepared, err := c.sql.calls.Prepare(ctx, sql, flightOptions...)
	if err != nil {
		return nil, err
	}
	prepared.SetParameters(parameters)
	info, err := prepared.Execute(ctx, flightOptions...)
	// A statement that can't be closed is forgotten by the server in time.
	_ = prepared.Close(ctx, flightOptions...)
	return info, err
}

// onlyTicket takes the one place of the result: the snapshot is pinned in it, and several would each see their own.
func (s *service) onlyTicket(info *flight.FlightInfo) (*flight.Ticket, error) {
	places := info.GetEndpoint()
	if len(places) != 1 {
		return nil, s.broken(fmt.Sprintf("%d endpoints for one query", len(places)))
	}
	return filled(s, places[0].GetTicket(), nil, "ticket")
}
