// Scenario is the conformance program of the clients: every language has it, does the same steps against a platform, and
// prints the same JSON document. Its addresses and token are those of the environment.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	rfe "rfe.dev/clients/go"
)

const wholeTime = 5 * time.Minute

// run is a scenario under way.
type run struct {
	client   *rfe.Client
	document map[string]any
}

type step struct {
	name string
	do   func(*run, context.Context) error
}

var steps = []step{
	{"declare sources", (*run).declare},
	{"send events", (*run).send},
	{"watch a job", (*run).watch},
	{"read by sql", (*run).read},
	{"compare types", (*run).types},
	{"mend a letter", (*run).mend},
	{"be refused", (*run).refused},
	{"fill the queue", (*run).fill},
	{"miss deadlines", (*run).miss},
	{"be a stranger", (*run).stranger},
}

func main() {
	document, err := play()
	if err != nil {
		fmt.Fprintf(os.Stderr, "scenario: %v\n", err)
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(document); err != nil {
		fmt.Fprintf(os.Stderr, "scenario: %v\n", err)
		os.Exit(1)
	}
}

func play() (map[string]any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), wholeTime)
	defer cancel()
	client, err := rfe.New()
	if err != nil {
		return nil, err
	}
	defer client.Close()
	r := &run{client: client, document: map[string]any{"language": "go"}}
	for _, step := range steps {
		if err := step.do(r, ctx); err != nil {
			return nil, fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return r.document, nil
}

// until asks every 100 ms, for a minute at most, whether something is done.
func until(what string, ask func() (bool, error)) error {
	for begun := time.Now(); time.Since(begun) < time.Minute; time.Sleep(100 * time.Millisecond) {
		done, err := ask()
		if err != nil || done {
			return err
		}
	}
	return fmt.Errorf("%s: not within a minute", what)
}
