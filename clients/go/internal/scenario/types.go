package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

const typesSQL = `SELECT 1::INTEGER AS i, 9007199254740993::BIGINT AS b, 2.50::DECIMAL(9,2) AS d, DATE '2024-02-29' AS day,
	TIMESTAMPTZ '2024-02-29 12:34:56.789012+00' AS at, 'ä' AS s, NULL::VARCHAR AS nothing, true AS t, [1,2] AS l,
	'\xAA'::BLOB AS blob`

func (r *run) types(ctx context.Context) error {
	rows, err := r.client.Query(ctx, typesSQL)
	if err != nil {
		return err
	}
	types := map[string]any{}
	for record, err := range rows.Records() {
		if err != nil {
			return err
		}
		for i, field := range record.Schema().Fields() {
			if types[field.Name], err = told(record.Column(i), 0); err != nil {
				return err
			}
		}
	}
	r.document["types"] = types
	return nil
}

// told is a value as the document has it.
func told(column arrow.Array, i int) (any, error) {
	if column.IsNull(i) {
		return nil, nil
	}
	switch column := column.(type) {
	case *array.Int32:
		return strconv.FormatInt(int64(column.Value(i)), 10), nil
	case *array.Int64:
		return strconv.FormatInt(column.Value(i), 10), nil
	case *array.Decimal128:
		scale := column.DataType().(*arrow.Decimal128Type).Scale
		return column.Value(i).ToString(scale), nil
	case *array.Date32:
		return column.Value(i).ToTime().Format(time.DateOnly), nil
	case *array.Timestamp:
		unit := column.DataType().(*arrow.TimestampType).Unit
		return column.Value(i).ToTime(unit).UTC().Format(time.RFC3339Nano), nil
	case *array.String:
		return column.Value(i), nil
	case *array.Boolean:
		return column.Value(i), nil
	case *array.Binary:
		return hex.EncodeToString(column.Value(i)), nil
	case *array.List:
		return toldList(column, i)
	default:
		return nil, fmt.Errorf("no column of type %s was expected", column.DataType())
	}
}

func toldList(column *array.List, i int) (any, error) {
	items := []any{}
	start, end := column.ValueOffsets(i)
	for at := start; at < end; at++ {
		item, err := told(column.ListValues(), int(at))
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, nil
}
