package rfe_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"

	rfe "rfe.dev/clients/go"
	dlqv1 "rfe.dev/clients/go/gen/rfe/dlq/v1"
	ingestv1 "rfe.dev/clients/go/gen/rfe/ingest/v1"
)

func ExampleNew() {
	client, err := rfe.New(
		rfe.WithURL("https://rfe.example:50051"),
		rfe.WithTLSCA("ca.pem"),
		rfe.WithDeadline(10*time.Second),
	)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
}

func ExampleClient_WaitJob() {
	ctx, client := context.Background(), newClient()
	submitted, err := client.SubmitJob(ctx, "finance_csv")
	if err != nil {
		log.Fatal(err)
	}
	job, err := client.WaitJob(ctx, submitted.GetJob().GetJobId(), func(job *ingestv1.Job) {
		log.Print(job.GetRowsRead(), " rows read")
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(job.GetState(), job.GetRowsLanded())
}

func ExampleClient_Letters() {
	ctx, client := context.Background(), newClient()
	open := &dlqv1.ListDeadLettersRequest{Filter: &dlqv1.DeadLetterFilter{State: "open"}}
	for letter, err := range client.Letters(ctx, open) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(letter.GetSource(), letter.GetCode(), letter.GetMessage())
	}
}

func ExampleClient_Query() {
	ctx, client := context.Background(), newClient()
	rows, err := client.Query(ctx, "SELECT id FROM orders_parquet WHERE amount > ?", 100)
	if err != nil {
		log.Fatal(err)
	}
	for record, err := range rows.Records() {
		if err != nil {
			log.Fatal(err)
		}
		ids := record.Column(0).(*array.Int64)
		for i := range ids.Len() {
			fmt.Println(ids.Value(i))
		}
	}
}

// What could not be delivered is kept, to be sent again later with the same ids.
func ExampleEventSender() {
	ctx, client := context.Background(), newClient()
	sender := client.EventSender("clicks", rfe.WithPatience(10*time.Second))
	var undelivered []*ingestv1.Event
	keep := func(err error) {
		var failed *rfe.SendError
		if errors.As(err, &failed) {
			undelivered = append(undelivered, failed.Undelivered...)
		}
	}
	for n := range 10_000 {
		keep(sender.Send(ctx, &ingestv1.Event{Payload: fmt.Appendf(nil, `{"n": %d}`, n)}))
	}
	summary, err := sender.Close(ctx)
	keep(err)
	fmt.Println(summary.Accepted, "accepted,", len(undelivered), "undelivered")
}

func ExampleError() {
	ctx, client := context.Background(), newClient()
	_, err := client.Source(ctx, "nothing_here")
	var failed *rfe.Error
	switch {
	case errors.Is(err, rfe.ErrNotFound):
		fmt.Println("declare it first")
	case errors.Is(err, rfe.ErrUnreachable):
		fmt.Println("is the platform up?")
	case errors.As(err, &failed):
		fmt.Println(failed.CodeName(), failed.Reason, failed.Violations)
	}
}

func newClient() *rfe.Client {
	client, err := rfe.New()
	if err != nil {
		log.Fatal(err)
	}
	return client
}
