package rfe

import (
	"context"
	"errors"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
)

// Rows is a result that streams. Close it. It is not safe for concurrent use.
type Rows struct {
	at     *service
	ctx    context.Context
	cancel context.CancelFunc
	reader *flight.Reader
	closed bool
	err    error
}

// Schema are the columns; known also where there is no row.
func (r *Rows) Schema() *arrow.Schema { return r.reader.Schema() }

// Next reads the next record batch. It is false at the end and after an error; [Rows.Err] tells which.
func (r *Rows) Next() bool {
	if r.closed || r.err != nil {
		return false
	}
	if r.reader.Next() {
		return true
	}
	if err := r.reader.Err(); err != nil {
		r.err = r.at.flightError(r.ctx, err)
	}
	r.cancel()
	return false
}

// Record is the batch that Next has read. It is valid until the next call of Next or Close; Retain it to keep it.
func (r *Rows) Record() arrow.RecordBatch { return r.reader.RecordBatch() }

// Err is why Next was false; nil at the end.
func (r *Rows) Err() error { return r.err }

// Close ends the statement on the server if it has not ended. It may be called again.
func (r *Rows) Close() error {
	if !r.closed {
		r.closed = true
		r.cancel()
		r.reader.Release()
	}
	return nil
}

// Records are the batches, one after the other, for range; each is valid until the next step. It closes the rows, also when
// the loop is left early. An error is the last step.
func (r *Rows) Records() iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		defer r.Close()
		for r.Next() {
			if !yield(r.Record(), nil) {
				return
			}
		}
		if r.err != nil {
			yield(nil, r.err)
		}
	}
}

// Table is the whole result, in memory, and closes the rows.
func (r *Rows) Table() (arrow.Table, error) {
	var records []arrow.RecordBatch
	defer func() {
		for _, record := range records {
			record.Release()
		}
	}()
	schema := r.Schema()
	for record, err := range r.Records() {
		if err != nil {
			return nil, err
		}
		record.Retain()
		records = append(records, record)
	}
	return array.NewTableFromRecords(schema, records), nil
}

// flightError finds the typed error in what Arrow makes of it; what is none was said outside the protocol.
func (s *service) flightError(ctx context.Context, err error) error {
	var known *Error
	switch {
	case errors.As(err, &known):
		return known
	case ctx.Err() != nil:
		return s.ended(ctx)
	default:
		return s.broken(err.Error())
	}
}
