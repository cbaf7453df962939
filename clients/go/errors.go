package rfe

import (
	"context"
	"fmt"
	"strconv"
	"time"

	codenames "google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Error is why a call failed: the service's own words, or that it could not be reached. Get it by [errors.As], or ask for
// its class by [errors.Is] and a sentinel such as [ErrNotFound].
type Error struct {
	// Code is the class.
	Code codes.Code
	// Reason is the constant that says more, such as SOURCE_NOT_FOUND; empty where nothing was sent.
	Reason string
	// Message is for people, and may change.
	Message string
	// Metadata are the values that belong to the reason.
	Metadata map[string]string
	// Violations are the fields at fault.
	Violations []Violation
	// RetryAfter is how long the service wants to be left alone; 0: it does not say.
	RetryAfter time.Duration

	unreachable bool
}

// Violation is a field at fault.
type Violation struct {
	// Field is its path, such as `sources[1].config.url`.
	Field string
	// Description says what is wrong with it.
	Description string
}

// Error is the message.
func (e *Error) Error() string {
	if e.Message == "" {
		return e.CodeName()
	}
	return e.Message
}

// CodeName is the code as gRPC writes it, such as NOT_FOUND.
func (e *Error) CodeName() string { return codenames.Code(e.Code).String() }

// Transient is true if the same call may succeed later.
func (e *Error) Transient() bool {
	switch e.Code {
	case codes.Unavailable, codes.ResourceExhausted, codes.DeadlineExceeded:
		return true
	default:
		return false
	}
}

// Processed says, of a stream of events that broke off, how many of them, from the first one, are answered for good. It is
// false where that is not known: send all again, with the same ids.
func (e *Error) Processed() (uint64, bool) {
	processed, err := strconv.ParseUint(e.Metadata["processed"], 10, 64)
	return processed, err == nil
}

// GRPCStatus lets [status.Code] and [status.FromError] read the error. It has no details.
func (e *Error) GRPCStatus() *status.Status { return status.New(e.Code, e.Error()) }

// Is tells the classes apart for [errors.Is]. [context.DeadlineExceeded] and [context.Canceled] count as classes as well,
// whichever side noticed first.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrUnreachable:
		return e.unreachable
	case context.DeadlineExceeded:
		return e.Code == codes.DeadlineExceeded
	case context.Canceled:
		return e.Code == codes.Canceled
	}
	wanted, ok := target.(class)
	return ok && codes.Code(wanted) == e.Code
}

// class is a sentinel.
type class codes.Code

func (c class) Error() string { return codenames.Code(c).String() }

// The classes of errors, for [errors.Is].
var (
	ErrInvalidArgument    error = class(codes.InvalidArgument)
	ErrNotFound           error = class(codes.NotFound)
	ErrAlreadyExists      error = class(codes.AlreadyExists)
	ErrFailedPrecondition error = class(codes.FailedPrecondition)
	ErrAborted            error = class(codes.Aborted)
	ErrResourceExhausted  error = class(codes.ResourceExhausted)
	ErrUnauthenticated    error = class(codes.Unauthenticated)
	ErrPermissionDenied   error = class(codes.PermissionDenied)
	ErrUnimplemented      error = class(codes.Unimplemented)
	ErrUnavailable        error = class(codes.Unavailable)
	ErrDeadlineExceeded   error = class(codes.DeadlineExceeded)
	ErrCancelled          error = class(codes.Canceled)
	ErrInternal           error = class(codes.Internal)
	// ErrUnreachable is the part of ErrUnavailable where there was no connection, or it broke.
	ErrUnreachable error = unreachable{}
)

type unreachable struct{}

func (unreachable) Error() string { return "UNREACHABLE" }

func addressError(url, reason string) error {
	return &Error{
		Code:    codes.InvalidArgument,
		Message: fmt.Sprintf("`%s` is no address of a service: %s", url, reason),
	}
}

// brokenError is an answer that is not what the protocol promises.
func brokenError(url, reason string) *Error {
	return &Error{Code: codes.Internal, Message: fmt.Sprintf("%s answered outside the protocol: %s", url, reason)}
}

func deadlineError(url string) *Error {
	return &Error{
		Code:    codes.DeadlineExceeded,
		Reason:  "DEADLINE_EXCEEDED",
		Message: url + " did not answer before the deadline",
	}
}

func cancelledError(url string) *Error {
	return &Error{Code: codes.Canceled, Reason: "CANCELLED", Message: "the call of " + url + " was cancelled"}
}

func unreachableError(url, reason string) *Error {
	return &Error{
		Code:        codes.Unavailable,
		Message:     fmt.Sprintf("%s can't be reached: %s", url, reason),
		unreachable: true,
	}
}
