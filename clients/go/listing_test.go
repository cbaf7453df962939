package rfe_test

import (
	"errors"
	"strconv"
	"testing"

	"google.golang.org/grpc/codes"

	rfe "rfe.dev/clients/go"
	metadatav1 "rfe.dev/clients/go/gen/rfe/metadata/v1"
)

// counting lists sources named 0, 1, … in pages as they are asked for, and notes their sizes.
func counting(count int, sizes *[]int32) *platform {
	return &platform{
		listSources: func(request *metadatav1.ListSourcesRequest) (*metadatav1.ListSourcesResponse, error) {
			*sizes = append(*sizes, request.GetPageSize())
			from, _ := strconv.Atoi(request.GetPageToken())
			to := min(from+int(request.GetPageSize()), count)
			answer := &metadatav1.ListSourcesResponse{}
			for n := from; n < to; n++ {
				answer.Sources = append(answer.Sources, &metadatav1.Source{Name: strconv.Itoa(n)})
			}
			if to < count {
				answer.NextPageToken = strconv.Itoa(to)
			}
			return answer, nil
		},
	}
}

func TestAListIsReadPageAfterPage(t *testing.T) {
	var sizes []int32
	client := counting(1234, &sizes).start(t)
	all, err := rfe.All(client.Sources(t.Context(), nil))
	must(t, err)
	equal(t, "length", len(all), 1234)
	for n, source := range all {
		equal(t, "name", source.GetName(), strconv.Itoa(n))
	}
	equal(t, "pages", len(sizes), 3)
	equal(t, "page size", sizes[0], 500)
}

func TestAPageIsAsLargeAsTheCallerSaysAndTheRequestStaysAsItIs(t *testing.T) {
	var sizes []int32
	client := counting(20, &sizes).start(t)
	request := &metadatav1.ListSourcesRequest{PageSize: 7}
	for range 2 {
		all, err := rfe.All(client.Sources(t.Context(), request))
		must(t, err)
		equal(t, "length", len(all), 20)
	}
	equal(t, "pages", len(sizes), 6)
	equal(t, "token of the request", request.GetPageToken(), "")
}

func TestNothingIsAskedBeforeTheFirstStepNorAfterTheLast(t *testing.T) {
	var sizes []int32
	client := counting(20, &sizes).start(t)
	list := client.Sources(t.Context(), &metadatav1.ListSourcesRequest{PageSize: 7})
	equal(t, "pages before", len(sizes), 0)
	read := 0
	for range list {
		if read++; read == 8 {
			break
		}
	}
	equal(t, "pages after", len(sizes), 2)
}

func TestAListThatBreaksOffEndsWithItsError(t *testing.T) {
	p := &platform{
		listSources: func(request *metadatav1.ListSourcesRequest) (*metadatav1.ListSourcesResponse, error) {
			if request.GetPageToken() != "" {
				return nil, refusal(codes.PermissionDenied, "SCOPE_MISSING", "no")
			}
			return &metadatav1.ListSourcesResponse{
				Sources: []*metadatav1.Source{{Name: "x"}}, NextPageToken: "more",
			}, nil
		},
	}
	client := p.start(t)
	var names []string
	var last error
	for source, err := range client.Sources(t.Context(), nil) {
		if last = err; err == nil {
			names = append(names, source.GetName())
		}
	}
	equal(t, "names", len(names), 1)
	equal(t, "denied", errors.Is(last, rfe.ErrPermissionDenied), true)
	_, err := rfe.All(client.Sources(t.Context(), nil))
	equal(t, "denied", errors.Is(err, rfe.ErrPermissionDenied), true)
}
