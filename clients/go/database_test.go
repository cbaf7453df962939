package rfe_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc"

	rfe "rfe.dev/clients/go"
)

var numbersSchema = arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}}, nil)

// database speaks Flight SQL. A result has batches of one row with the numbers from 0 on, and ends as the fields say.
type database struct {
	flightsql.BaseServer

	batches  int
	endless  bool
	refuse   func(sql string) error // Of the plan.
	ending   error
	aways    atomic.Int64 // So many streams are refused as unavailable first.
	places   int
	prepared atomic.Int64 // Statements that are open.
	bound    atomic.Pointer[arrow.RecordBatch]
	streamed atomic.Int64
	gone     chan struct{}
}

func (d *database) start(t *testing.T, options ...rfe.Option) *rfe.Client {
	t.Helper()
	d.gone = make(chan struct{}, 1)
	url := serve(t, "127.0.0.1:0", func(server *grpc.Server) {
		flight.RegisterFlightServiceServer(server, flightsql.NewFlightServer(d))
	})
	return connect(t, url, options...)
}

func (d *database) plan(sql string) (*flight.FlightInfo, error) {
	if d.refuse != nil {
		if err := d.refuse(sql); err != nil {
			return nil, err
		}
	}
	handle, err := flightsql.CreateStatementQueryTicket([]byte(sql))
	if err != nil {
		return nil, err
	}
	info := &flight.FlightInfo{TotalRecords: -1, TotalBytes: -1}
	for range max(d.places, 1) {
		info.Endpoint = append(info.Endpoint, &flight.FlightEndpoint{Ticket: &flight.Ticket{Ticket: handle}})
	}
	return info, nil
}

func (d *database) GetFlightInfoStatement(
	_ context.Context, query flightsql.StatementQuery, _ *flight.FlightDescriptor,
) (*flight.FlightInfo, error) {
	return d.plan(query.GetQuery())
}

func (d *database) CreatePreparedStatement(
	_ context.Context, request flightsql.ActionCreatePreparedStatementRequest,
) (flightsql.ActionCreatePreparedStatementResult, error) {
	d.prepared.Add(1)
	return flightsql.ActionCreatePreparedStatementResult{Handle: []byte(request.GetQuery())}, nil
}

func (d *database) ClosePreparedStatement(context.Context, flightsql.ActionClosePreparedStatementRequest) error {
	d.prepared.Add(-1)
	return nil
}

func (d *database) DoPutPreparedStatementQuery(
	_ context.Context, query flightsql.PreparedStatementQuery, reader flight.MessageReader, _ flight.MetadataWriter,
) ([]byte, error) {
	for reader.Next() {
		record := reader.RecordBatch()
		record.Retain()
		d.bound.Store(&record)
	}
	return query.GetPreparedStatementHandle(), reader.Err()
}

func (d *database) GetFlightInfoPreparedStatement(
	_ context.Context, query flightsql.PreparedStatementQuery, _ *flight.FlightDescriptor,
) (*flight.FlightInfo, error) {
	return d.plan(string(query.GetPreparedStatementHandle()))
}

func (d *database) DoGetStatement(
	ctx context.Context, _ flightsql.StatementQueryTicket,
) (*arrow.Schema, <-chan flight.StreamChunk, error) {
	if d.aways.Add(-1) >= 0 {
		return nil, nil, away
	}
	chunks := make(chan flight.StreamChunk)
	go d.stream(ctx, chunks)
	return numbersSchema, chunks, nil
}

func (d *database) stream(ctx context.Context, chunks chan<- flight.StreamChunk) {
	defer close(chunks)
	put := func(chunk flight.StreamChunk) bool {
		select {
		case chunks <- chunk:
			d.streamed.Add(1)
			return true
		case <-ctx.Done():
			d.gone <- struct{}{}
			return false
		}
	}
	for n := 0; n < d.batches || d.endless; n++ {
		if !put(flight.StreamChunk{Data: numberBatch(int64(n))}) {
			return
		}
	}
	if d.ending != nil && !errors.Is(d.ending, errNever) {
		put(flight.StreamChunk{Err: d.ending})
	} else if d.ending != nil {
		<-ctx.Done()
	}
}

// errNever is the ending of a result that does not end.
var errNever = errors.New("never")

func numberBatch(n int64) arrow.RecordBatch {
	builder := array.NewInt64Builder(memory.DefaultAllocator)
	defer builder.Release()
	builder.Append(n)
	return array.NewRecordBatch(numbersSchema, []arrow.Array{builder.NewArray()}, 1)
}
