package rfe

import (
	"context"
	"errors"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Whoever resets a stream has no answer to give: a process that dies, or something between.
const streamWasReset = "stream terminated by RST_STREAM"

// fromGRPC makes an error of gRPC one of this package. Only a service gives a trailer or details; without them an error of
// the connection or of the context was made on this side.
func fromGRPC(ctx context.Context, url string, err error, trailer metadata.MD) error {
	var known *Error
	if errors.As(err, &known) {
		return err
	}
	told := status.Convert(err)
	if len(trailer) > 0 || len(told.Details()) > 0 {
		return refusal(told)
	}
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return cancelledError(url)
	case ctx.Err() != nil || told.Code() == codes.DeadlineExceeded:
		return deadlineError(url)
	case told.Code() == codes.Unavailable || strings.HasPrefix(told.Message(), streamWasReset):
		return unreachableError(url, networkReason(told.Message()))
	case told.Code() == codes.Canceled:
		return cancelledError(url)
	case strings.HasPrefix(told.Message(), "grpc: "):
		return brokenError(url, told.Message())
	default:
		return refusal(told)
	}
}

// refusal is what the service said.
func refusal(told *status.Status) *Error {
	code := classOf(told.Code())
	e := &Error{Code: code, Reason: defaultReason(code), Message: told.Message()}
	for _, detail := range told.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			e.Reason, e.Metadata = detail.GetReason(), detail.GetMetadata()
		case *errdetails.BadRequest:
			for _, one := range detail.GetFieldViolations() {
				e.Violations = append(e.Violations, Violation{Field: one.GetField(), Description: one.GetDescription()})
			}
		case *errdetails.RetryInfo:
			e.RetryAfter = detail.GetRetryDelay().AsDuration()
		}
	}
	return e
}

func classOf(code codes.Code) codes.Code {
	switch code {
	case codes.OutOfRange:
		return codes.InvalidArgument
	case codes.OK, codes.Unknown, codes.DataLoss:
		return codes.Internal
	default:
		return code
	}
}

// A service of rfe always names its reason; a proxy between does not.
func defaultReason(code codes.Code) string {
	switch code {
	case codes.Unavailable:
		return "BACKEND_UNAVAILABLE"
	case codes.DeadlineExceeded:
		return "DEADLINE_EXCEEDED"
	case codes.Canceled:
		return "CANCELLED"
	case codes.Unimplemented:
		return "NOT_IMPLEMENTED"
	case codes.Unauthenticated, codes.PermissionDenied:
		return "TOKEN_INVALID"
	default:
		return "INTERNAL"
	}
}

// networkReason takes away what gRPC wraps around the words of the network.
func networkReason(message string) string {
	message = strings.TrimPrefix(message, `connection error: desc = "`)
	message = strings.TrimSuffix(message, `"`)
	message = strings.TrimPrefix(message, "transport: ")
	return strings.TrimPrefix(message, "Error while dialing: ")
}
