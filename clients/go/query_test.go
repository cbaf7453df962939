package rfe_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/scalar"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"

	rfe "rfe.dev/clients/go"
)

func TestAResultIsReadBatchByBatch(t *testing.T) {
	rows, err := (&database{batches: 1000}).start(t).Query(t.Context(), "SELECT n")
	must(t, err)
	defer rows.Close()
	next := int64(0)
	for rows.Next() {
		equal(t, "n", rows.Record().Column(0).(*array.Int64).Value(0), next)
		next++
	}
	must(t, rows.Err())
	equal(t, "rows", next, 1000)
	equal(t, "no more", rows.Next(), false)
}

func TestAResultIsTakenWholeAndKnowsItsColumnsWithoutRows(t *testing.T) {
	rows, err := (&database{batches: 3}).start(t).Query(t.Context(), "SELECT n")
	must(t, err)
	table, err := rows.Table()
	must(t, err)
	equal(t, "rows", table.NumRows(), 3)
	equal(t, "last", table.Column(0).Data().Chunk(2).(*array.Int64).Value(0), 2)
	rows, err = (&database{}).start(t).Query(t.Context(), "SELECT n")
	must(t, err)
	equal(t, "column", rows.Schema().Field(0).Name, "n")
	table, err = rows.Table()
	must(t, err)
	equal(t, "rows", table.NumRows(), 0)
	equal(t, "column of the table", table.Schema().Field(0).Name, "n")
}

func TestAResultThatIsNotReadIsNotHeld(t *testing.T) {
	d := &database{endless: true}
	rows, err := d.start(t).Query(t.Context(), "SELECT n")
	must(t, err)
	defer rows.Close()
	time.Sleep(300 * time.Millisecond)
	seen := d.streamed.Load()
	time.Sleep(300 * time.Millisecond)
	equal(t, "batches under way", d.streamed.Load(), seen)
}

func TestClosingAndLeavingTheLoopEndTheStatementOnTheServer(t *testing.T) {
	for name, leave := range map[string]func(*rfe.Rows){
		"close":  func(rows *rfe.Rows) { rows.Next(); rows.Close(); rows.Close() },
		"unread": func(rows *rfe.Rows) { rows.Close() },
		"loop": func(rows *rfe.Rows) {
			for range rows.Records() {
				break
			}
		},
	} {
		d := &database{endless: true}
		rows, err := d.start(t).Query(t.Context(), "SELECT n")
		must(t, err)
		leave(rows)
		select {
		case <-d.gone:
		case <-time.After(5 * time.Second):
			t.Errorf("%s: the statement still runs", name)
		}
		equal(t, "no more", rows.Next(), false)
	}
}

func TestErrorsOfSQLAreTypedWhereverTheyAppear(t *testing.T) {
	invalid := refusal(codes.InvalidArgument, "SQL_INVALID", "no such column")
	client := (&database{refuse: func(string) error { return invalid }}).start(t)
	_, err := client.Query(t.Context(), "SELECT nothing")
	equal(t, "class", errors.Is(err, rfe.ErrInvalidArgument), true)
	equal(t, "reason", asError(t, err).Reason, "SQL_INVALID")
	_, err = client.Query(t.Context(), "SELECT ?", 1)
	equal(t, "reason with parameters", asError(t, err).Reason, "SQL_INVALID")

	large := refusal(codes.ResourceExhausted, "QUERY_TOO_LARGE", "too large")
	rows, err := (&database{batches: 2, ending: large}).start(t).Query(t.Context(), "SELECT n")
	must(t, err)
	read := 0
	for rows.Next() {
		read++
	}
	equal(t, "batches before", read, 2)
	equal(t, "reason midway", asError(t, rows.Err()).Reason, "QUERY_TOO_LARGE")
	rows, err = (&database{batches: 2, ending: large}).start(t).Query(t.Context(), "SELECT n")
	must(t, err)
	_, err = rows.Table()
	equal(t, "class midway", errors.Is(err, rfe.ErrResourceExhausted), true)
}

func TestAQueryObeysItsContextAndHasNoDeadlineOfItsOwn(t *testing.T) {
	client := (&database{batches: 1, ending: errNever}).start(t, rfe.WithDeadline(10*time.Millisecond))
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	rows, err := client.Query(ctx, "SELECT n")
	must(t, err)
	_, err = rows.Table()
	if !errors.Is(err, rfe.ErrDeadlineExceeded) || !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	rows, err = client.Query(ctx, "SELECT n")
	must(t, err)
	time.AfterFunc(50*time.Millisecond, cancel)
	_, err = rows.Table()
	equal(t, "cancelled", errors.Is(err, rfe.ErrCancelled), true)
}

func TestAStreamIsAskedForAgainWhileItsServiceIsUnavailable(t *testing.T) {
	d := &database{batches: 3}
	d.aways.Store(3)
	rows, err := d.start(t).Query(t.Context(), "SELECT n")
	must(t, err)
	table, err := rows.Table()
	must(t, err)
	equal(t, "rows", table.NumRows(), 3)
}

func TestAResultInSeveralPlacesWouldHaveSeveralSnapshots(t *testing.T) {
	_, err := (&database{places: 2}).start(t).Query(t.Context(), "SELECT n")
	if !errors.Is(err, rfe.ErrInternal) || !strings.Contains(err.Error(), "2 endpoints for one query") {
		t.Error(err)
	}
}

func TestParametersAreBoundAsValues(t *testing.T) {
	d := &database{batches: 1}
	client := d.start(t)
	at := time.Date(2024, 2, 29, 13, 34, 56, 789012999, time.FixedZone("", 3600))
	id, text := uuid.New(), "ä'; DROP"
	price, err := decimal128.FromString("2.50", 9, 2)
	must(t, err)
	for i, c := range []struct {
		arg    any
		kind   arrow.DataType
		wanted string
	}{
		{nil, arrow.Null, array.NullValueStr},
		{true, arrow.FixedWidthTypes.Boolean, "true"},
		{7, arrow.PrimitiveTypes.Int64, "7"},
		{int8(-7), arrow.PrimitiveTypes.Int64, "-7"},
		{int64(math.MaxInt64), arrow.PrimitiveTypes.Int64, "9223372036854775807"},
		{uint64(math.MaxUint64), arrow.PrimitiveTypes.Uint64, "18446744073709551615"},
		{2.5, arrow.PrimitiveTypes.Float64, "2.5"},
		{text, arrow.BinaryTypes.String, text},
		{&text, arrow.BinaryTypes.String, text},
		{(*string)(nil), arrow.Null, array.NullValueStr},
		{[]byte{0xaa}, arrow.BinaryTypes.Binary, "qg=="},
		{at, &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}, "2024-02-29T12:34:56.789012Z"},
		{id, arrow.BinaryTypes.String, id.String()},
		{codes.NotFound, arrow.PrimitiveTypes.Int64, "5"},
		{
			scalar.NewDecimal128Scalar(price, &arrow.Decimal128Type{Precision: 9, Scale: 2}),
			&arrow.Decimal128Type{Precision: 9, Scale: 2}, "2.5",
		},
	} {
		rows, err := client.Query(t.Context(), "SELECT ?, ?", c.arg, "second")
		must(t, err)
		must(t, rows.Close())
		bound := *d.bound.Load()
		equal(t, "rows", bound.NumRows(), 1)
		column := bound.Column(0)
		if !arrow.TypeEqual(column.DataType(), c.kind) || column.ValueStr(0) != c.wanted {
			t.Errorf("%d: %v of type %v", i, column.ValueStr(0), column.DataType())
		}
		equal(t, "second", bound.Column(1).ValueStr(0), "second")
	}
	equal(t, "statements left open", d.prepared.Load(), 0)
}

func TestAValueThatSQLDoesNotHaveIsRefusedByItsPlace(t *testing.T) {
	_, err := connect(t, "http://127.0.0.1:1").Query(t.Context(), "SELECT ?, ?", 1, struct{}{})
	wanted := "parameter 2 of type struct {} can't be sent: "
	if !errors.Is(err, rfe.ErrInvalidArgument) || !strings.HasPrefix(fmt.Sprint(err), wanted) {
		t.Error(err)
	}
}

func TestAStatementThatIsRefusedIsClosedToo(t *testing.T) {
	d := &database{refuse: func(string) error { return refusal(codes.InvalidArgument, "SQL_INVALID", "no") }}
	_, err := d.start(t).Query(t.Context(), "SELECT ?", 1)
	equal(t, "refused", errors.Is(err, rfe.ErrInvalidArgument), true)
	equal(t, "statements left open", d.prepared.Load(), 0)
}
