package rfe

import (
	"encoding/json"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/structpb"
)

// Config makes the `config` of a source from what [json.Marshal] takes as an object, such as a map or a struct. The keys are
// those of `sources.yaml`.
func Config(values any) (*structpb.Struct, error) {
	text, err := json.Marshal(values)
	if err != nil {
		return nil, &Error{Code: codes.InvalidArgument, Message: fmt.Sprintf("config is no JSON: %v", err)}
	}
	config := &structpb.Struct{}
	if err := config.UnmarshalJSON(text); err != nil {
		return nil, &Error{Code: codes.InvalidArgument, Message: fmt.Sprintf("config is no JSON object: %v", err)}
	}
	return config, nil
}

// MustConfig is as [Config], for values that are known to be right; it panics if they are not.
func MustConfig(values any) *structpb.Struct {
	config, err := Config(values)
	if err != nil {
		panic(err)
	}
	return config
}
