package rfe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	ingestv1 "rfe.dev/clients/go/gen/rfe/ingest/v1"
)

const (
	maxEventsPerCall = 1000
	maxBatchBytes    = 1 << 20
	maxCalls         = 4
)

// ErrSenderClosed says that an event came after [EventSender.Close]; it was not taken.
var ErrSenderClosed = errors.New("the event sender is closed")

// EventSender sends any number of events of one source: in batches of 500 events or 1 MiB, four calls at a time. [EventSender.Send]
// waits while these are under way and a further batch is full, so that about 2,500 events are held at most. A batch is
// repeated with the same ids while the platform is full or away; what could not be delivered is handed back. End with
// [EventSender.Close]. It is safe for concurrent use.
type EventSender struct {
	client    *Client
	source    string
	patience  time.Duration
	maxEvents int
	linger    time.Duration

	// running ends with Close; calls under way end with it.
	running context.Context
	stop    context.CancelFunc

	mutex   sync.Mutex
	changed chan struct{} // Closed and replaced whenever something that a caller may wait for has changed.
	closed  bool
	taken   uint64 // Events taken so far: the order of the last one.
	pending batch
	due     bool // The pending batch goes as soon as a call may begin, full or not.
	timer   *time.Timer
	calls   []batch
	failed  []heldEvent
	err     error
	summary Summary
}

// heldEvent is an event in the sender.
type heldEvent struct {
	order  uint64
	number uint64
	event  *ingestv1.Event
}

// SendError says that events could not be delivered. None of them is known to be durable; sending them again with their ids
// lands nothing twice.
type SendError struct {
	// Err is why.
	Err error
	// Undelivered are the events, in the order in which they were sent.
	Undelivered []*ingestv1.Event
}

// Error says how many events were not delivered, and why.
func (e *SendError) Error() string {
	return fmt.Sprintf("%d events were not delivered: %v", len(e.Undelivered), e.Err)
}

// Unwrap is why.
func (e *SendError) Unwrap() error { return e.Err }

// SenderOption is a setting of an [EventSender].
type SenderOption func(*EventSender)

// WithPatience sets how long a batch is repeated while the platform is full or away; 60 s by default.
func WithPatience(patience time.Duration) SenderOption {
	return func(s *EventSender) { s.patience = patience }
}

// WithMaxEvents sets how many events go into one call; 500 by default, 1,000 at most.
func WithMaxEvents(count int) SenderOption {
	return func(s *EventSender) { s.maxEvents = min(max(count, 1), maxEventsPerCall) }
}

// WithLinger sets how long an event waits for others before its batch is sent; 1 s by default, 0 or less: until the batch is
// full or flushed.
func WithLinger(linger time.Duration) SenderOption {
	return func(s *EventSender) { s.linger = linger }
}

// EventSender makes a sender of any number of events.
func (c *Client) EventSender(source string, options ...SenderOption) *EventSender {
	running, stop := context.WithCancel(context.Background())
	s := &EventSender{
		client:    c,
		source:    source,
		patience:  time.Minute,
		maxEvents: 500,
		linger:    time.Second,
		running:   running,
		stop:      stop,
		changed:   make(chan struct{}),
	}
	for _, option := range options {
		option(s)
	}
	return s
}

// Send takes an event, and waits while too many calls are under way. Don't change the event afterwards; one without id gets
// one, in place. Events are numbered from 1.
//
// A [*SendError] holds all events that could not be delivered, this one included; the sender is empty then and usable again.
// It comes to one of the callers, whoever asks first. Any other error says that this event alone was not taken: the context
// ended while it waited, or the sender is closed.
func (s *EventSender) Send(ctx context.Context, event *ingestv1.Event) error {
	return s.send(ctx, event, 0)
}

// SendNumbered is as [EventSender.Send], with the caller's number, such as a line's; a [Rejected] event names it.
func (s *EventSender) SendNumbered(ctx context.Context, number uint64, event *ingestv1.Event) error {
	return s.send(ctx, event, number)
}

func (s *EventSender) send(ctx context.Context, event *ingestv1.Event, number uint64) error {
	bytes := proto.Size(event)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for !s.closed && (s.err != nil || !s.pending.fits(bytes, s.maxEvents)) {
		if s.err != nil && len(s.calls) == 0 {
			giveIDs([]*ingestv1.Event{event})
			s.take(event, bytes, number)
			return s.handBack(s.err)
		}
		if s.err == nil && s.dispatch() {
			continue
		}
		if err := s.wait(ctx); err != nil {
			return err
		}
	}
	if s.closed {
		return ErrSenderClosed
	}
	giveIDs([]*ingestv1.Event{event})
	s.take(event, bytes, number)
	if s.pending.full(s.maxEvents) {
		s.dispatch()
	} else {
		s.startLinger()
	}
	return nil
}

// Flush sends what waits, and waits until every event taken before is answered. The error is a [*SendError] as of
// [EventSender.Send], or says that the context ended; the events are on their way still.
func (s *EventSender) Flush(ctx context.Context) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.settle(ctx, s.taken)
}

// Close flushes and ends the sender. The summary says what became of the events. It always ends it: if the context ends
// before the events are answered, the calls under way are broken off, and the [*SendError] holds the events.
func (s *EventSender) Close(ctx context.Context) (Summary, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.closed = true
	s.announce()
	err := s.settle(ctx, s.taken)
	s.stop()
	var handedBack *SendError
	if err != nil && !errors.As(err, &handedBack) {
		err = s.abandon(err)
	}
	return s.summary.clone(), err
}

// Summary says what became of the events so far.
func (s *EventSender) Summary() Summary {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.summary.clone()
}

// TakeRejected takes the rejected events out of the summary, so that they need not stay in memory.
func (s *EventSender) TakeRejected() []Rejected {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	rejected := s.summary.Rejected
	s.summary.Rejected = nil
	return rejected
}

func (s *EventSender) take(event *ingestv1.Event, bytes int, number uint64) {
	s.taken++
	if number == 0 {
		number = s.taken
	}
	s.pending.add(heldEvent{order: s.taken, number: number, event: event}, bytes)
}

// settle waits until no event up to one is in the sender. One call that failed ends the others first: what is handed back
// is then all that is not durable.
func (s *EventSender) settle(ctx context.Context, last uint64) error {
	for {
		if s.err != nil && len(s.calls) == 0 {
			return s.handBack(s.err)
		}
		if s.err == nil {
			if !s.holds(last) {
				return nil
			}
			if s.pending.first() <= last {
				s.due = true
				if s.dispatch() {
					continue
				}
			}
		}
		if err := s.wait(ctx); err != nil {
			return err
		}
	}
}

// abandon waits for the calls that stop has broken off, and hands everything back.
func (s *EventSender) abandon(err error) error {
	for len(s.calls) > 0 {
		changed := s.changed
		s.mutex.Unlock()
		<-changed
		s.mutex.Lock()
	}
	if s.err == nil && s.pending.empty() {
		return nil // The last answers came all the same.
	}
	return s.handBack(err)
}

// handBack empties the sender.
func (s *EventSender) handBack(err error) error {
	events := append(s.failed, s.pending.events...)
	s.failed, s.pending, s.err, s.due = nil, batch{}, nil, false
	slices.SortFunc(events, func(a, b heldEvent) int { return cmp.Compare(a.order, b.order) })
	undelivered := make([]*ingestv1.Event, len(events))
	for i, one := range events {
		undelivered[i] = one.event
	}
	s.announce()
	return &SendError{Err: err, Undelivered: undelivered}
}

// holds is true if an event up to last is in the sender.
func (s *EventSender) holds(last uint64) bool {
	return s.pending.first() <= last ||
		slices.ContainsFunc(s.calls, func(under batch) bool { return under.first() <= last })
}

// wait lets go of the lock until something has changed or the context has ended.
func (s *EventSender) wait(ctx context.Context) error {
	changed := s.changed
	s.mutex.Unlock()
	defer s.mutex.Lock()
	select {
	case <-changed:
		return nil
	case <-ctx.Done():
		return s.client.ingest.ended(ctx)
	}
}

func (s *EventSender) announce() {
	close(s.changed)
	s.changed = make(chan struct{})
}
