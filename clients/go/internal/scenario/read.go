package main

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

func (r *run) read(ctx context.Context) error {
	if err := r.landed(ctx, events); err != nil {
		return err
	}
	totals, err := r.integers(ctx, "SELECT count(*), sum(n)::BIGINT FROM "+events)
	if err != nil {
		return err
	}
	r.document["rows"], r.document["sum"] = totals[0], totals[1]
	if r.document["all_rows_match"], err = r.allRowsMatch(ctx); err != nil {
		return err
	}
	found, err := r.integers(ctx, "SELECT count(*) FROM "+events+" WHERE word = ? AND n < ?", "w3", 700)
	if err != nil {
		return err
	}
	r.document["by_parameters"] = found[0]
	return r.empty(ctx)
}

// integers are the values of a result of one row.
func (r *run) integers(ctx context.Context, sql string, args ...any) ([]int64, error) {
	rows, err := r.client.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	var values []int64
	for record, err := range rows.Records() {
		if err != nil {
			return nil, err
		}
		for _, column := range record.Columns() {
			values = append(values, column.(*array.Int64).Value(0))
		}
	}
	if len(values) == 0 {
		return nil, fmt.Errorf("no row for %s", sql)
	}
	return values, nil
}

func (r *run) allRowsMatch(ctx context.Context) (bool, error) {
	rows, err := r.client.Query(ctx, "SELECT _event_id, n, word FROM "+events+" ORDER BY n")
	if err != nil {
		return false, err
	}
	next, match, read := 0, true, 0
	for record, err := range rows.Records() {
		if err != nil {
			return false, err
		}
		for i := range int(record.NumRows()) {
			if isBad(next) {
				next++
			}
			match = match && rowMatches(record, i, next)
			next++
			read++
		}
	}
	return match && read == sentEvents-sentEvents/500, nil
}

func rowMatches(record arrow.RecordBatch, i, n int) bool {
	id, number, text := record.Column(0), record.Column(1).(*array.Int64), record.Column(2)
	return id.ValueStr(i) == fmt.Sprintf("e-%d", n) && !number.IsNull(i) && number.Value(i) == int64(n) &&
		text.ValueStr(i) == word(n)
}

func (r *run) empty(ctx context.Context) error {
	rows, err := r.client.Query(ctx, "SELECT n, word FROM "+events+" WHERE false")
	if err != nil {
		return err
	}
	table, err := rows.Table()
	if err != nil {
		return err
	}
	columns := []string{}
	for _, field := range table.Schema().Fields() {
		columns = append(columns, field.Name)
	}
	r.document["empty"] = map[string]any{"rows": table.NumRows(), "columns": columns}
	return nil
}
