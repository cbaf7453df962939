// Package rfe is the Go client of rfe, Read From Everywhere: it declares sources, submits jobs and events, follows
// runs, replays dead letters, and runs SQL whose results are Arrow record batches.
//
//	client, err := rfe.New()
//	if err != nil {
//		return err
//	}
//	defer client.Close()
//	submitted, err := client.SubmitJob(ctx, "finance_csv")
//
// A [Client] is safe for concurrent use and takes its addresses and token from the environment; options override it.
// Messages are the generated ones of the packages below gen. Lists and watches are iterators for range; nothing is asked
// before the first step. Errors are [*Error], whose classes are sentinels such as [ErrNotFound] for [errors.Is].
//
// Every call obeys its context. A call whose context has no deadline gets one of 30 s ([WithDeadline]); watches, queries and
// streams of events get none.
package rfe

// Version is this package's.
const Version = "0.1.0"
