package rfe

import (
	"math"
	"slices"
	"time"

	ingestv1 "rfe.dev/clients/go/gen/rfe/ingest/v1"
)

var deliveryBackoff = Backoff{Base: 200 * time.Millisecond, Cap: 5 * time.Second}

// Summary says what became of the events that were delivered.
type Summary struct {
	// Accepted events are durable now.
	Accepted uint64
	// Duplicates were durable before.
	Duplicates uint64
	// Rejected are the events that the platform does not take.
	Rejected []Rejected
}

// Rejected is an event that the platform does not take.
type Rejected struct {
	// Number is the one that the event was sent with.
	Number uint64
	// EventID is its id.
	EventID string
	// Message says why.
	Message string
}

func (s Summary) clone() Summary {
	s.Rejected = slices.Clone(s.Rejected)
	return s
}

func (s *Summary) count(number uint64, result *ingestv1.EventResult) {
	switch result.GetOutcome() {
	case ingestv1.EventOutcome_EVENT_OUTCOME_ACCEPTED:
		s.Accepted++
	case ingestv1.EventOutcome_EVENT_OUTCOME_DUPLICATE:
		s.Duplicates++
	default:
		s.Rejected = append(s.Rejected, Rejected{
			Number: number, EventID: result.GetEventId(), Message: result.GetMessage(),
		})
	}
}

// batch is what one call sends.
type batch struct {
	events []heldEvent
	bytes  int
}

func (b *batch) add(one heldEvent, bytes int) {
	b.events = append(b.events, one)
	b.bytes += bytes
}

func (b *batch) empty() bool { return len(b.events) == 0 }

func (b *batch) full(maxEvents int) bool {
	return len(b.events) >= maxEvents || b.bytes >= maxBatchBytes
}

// fits is true if an event of so many bytes may be added; a larger one than a batch goes alone.
func (b *batch) fits(bytes, maxEvents int) bool {
	return b.empty() || (len(b.events) < maxEvents && b.bytes+bytes <= maxBatchBytes)
}

// first is the order of its first event; none is before it.
func (b *batch) first() uint64 {
	if b.empty() {
		return math.MaxUint64
	}
	return b.events[0].order
}

// dispatch begins a call with the pending batch. It is false if there is none, or no call may begin now: then the one that
// ends next does it.
func (s *EventSender) dispatch() bool {
	if s.err != nil || s.pending.empty() {
		return false
	}
	if len(s.calls) >= maxCalls {
		s.due = true
		return false
	}
	under := s.pending
	s.pending, s.due = batch{}, false
	if s.timer != nil {
		s.timer.Stop()
	}
	s.calls = append(s.calls, under)
	go s.deliver(under)
	return true
}

// startLinger sends the pending batch after a while, however few events it has.
func (s *EventSender) startLinger() {
	if s.linger <= 0 || len(s.pending.events) > 1 {
		return
	}
	first := s.pending.first()
	s.timer = time.AfterFunc(s.linger, func() {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		if s.pending.first() == first {
			s.dispatch()
		}
	})
}

// deliver sends a batch and takes down what became of it.
func (s *EventSender) deliver(under batch) {
	events := make([]*ingestv1.Event, len(under.events))
	for i, one := range under.events {
		events[i] = one.event
	}
	results, err := s.submit(events)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.calls = slices.DeleteFunc(s.calls, func(other batch) bool { return other.first() == under.first() })
	if err != nil {
		s.failed = append(s.failed, under.events...)
		if s.err == nil {
			s.err = err
		}
	}
	for i, result := range results {
		s.summary.count(under.events[i].number, result)
	}
	if s.due {
		s.dispatch()
	}
	s.announce()
}

// submit repeats a call, with the same ids, while the platform is full or away.
func (s *EventSender) submit(events []*ingestv1.Event) ([]*ingestv1.EventResult, error) {
	at := s.client.ingest
	request := &ingestv1.SubmitEventsRequest{Source: s.source, Events: events}
	begun := time.Now()
	for attempt := 1; ; attempt++ {
		answer, err := once(s.running, at.service, at.calls.SubmitEvents, request)
		results, err := s.client.oneEach(events, answer, err)
		if err == nil || !isTransient(err) {
			return results, err
		}
		delay := max(deliveryBackoff.delay(attempt), retryAfter(err))
		if time.Since(begun)+delay > s.patience || at.pause(s.running, delay) != nil {
			return nil, err
		}
	}
}
