package rfe

import (
	"math"
	"math/rand/v2"
	"time"
)

// Backoff says how calls are repeated: the delay after a failed attempt, counted from 1, is
// uniform(0.5, 1) × min(Cap, Base × 2^(attempt − 1)).
type Backoff struct {
	// Attempts in all, the first included; 1 or less: nothing is repeated.
	Attempts int
	// Base is the delay after the first attempt, before jitter.
	Base time.Duration
	// Cap is the longest delay.
	Cap time.Duration
}

func (b Backoff) delay(attempt int) time.Duration {
	full := min(float64(b.Base)*math.Pow(2, float64(attempt-1)), float64(b.Cap))
	return time.Duration(full * (0.5 + 0.5*rand.Float64()))
}
