package rfe

import (
	"database/sql/driver"
	"fmt"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/arrow/scalar"
	"google.golang.org/grpc/codes"
)

var microseconds = &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}

// bind makes one row of the values of a statement; nil if there are none.
func bind(args []any) (arrow.RecordBatch, error) {
	if len(args) == 0 {
		return nil, nil
	}
	fields := make([]arrow.Field, len(args))
	columns := make([]arrow.Array, len(args))
	for i, arg := range args {
		column, err := bindOne(arg)
		if err != nil {
			return nil, &Error{
				Code:    codes.InvalidArgument,
				Message: fmt.Sprintf("parameter %d of type %T can't be sent: %v", i+1, arg, err),
			}
		}
		columns[i] = column
		fields[i] = arrow.Field{Name: fmt.Sprintf("p%d", i+1), Type: column.DataType(), Nullable: true}
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, 1), nil
}

func bindOne(arg any) (arrow.Array, error) {
	value, err := asScalar(arg)
	if err != nil {
		return nil, err
	}
	return scalar.MakeArrayFromScalar(value, 1, memory.DefaultAllocator)
}

func asScalar(arg any) (scalar.Scalar, error) {
	switch arg := arg.(type) {
	case scalar.Scalar:
		return arg, nil
	case uint64: // The upper half of it is no value of the driver's.
		return scalar.NewUint64Scalar(arg), nil
	}
	value, err := driver.DefaultParameterConverter.ConvertValue(arg)
	if err != nil {
		return nil, err
	}
	switch value := value.(type) {
	case nil:
		return scalar.ScalarNull, nil
	case bool:
		return scalar.NewBooleanScalar(value), nil
	case int64:
		return scalar.NewInt64Scalar(value), nil
	case float64:
		return scalar.NewFloat64Scalar(value), nil
	case string:
		return scalar.NewStringScalar(value), nil
	case []byte:
		return scalar.NewBinaryScalar(memory.NewBufferBytes(value), arrow.BinaryTypes.Binary), nil
	case time.Time:
		return scalar.NewTimestampScalar(arrow.Timestamp(value.UnixMicro()), microseconds), nil
	default:
		return nil, fmt.Errorf("it has no type in SQL")
	}
}
