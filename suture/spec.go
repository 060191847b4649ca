package suture

import (
	"fmt"
	"math"
	"time"

	"github.com/tend-go/tend"
)

// Spec says how a [Supervisor] behaves. The zero value of every field is the
// default.
type Spec struct {
	// EventHook is told what happens. Default: log.Print. A supervisor that is
	// added to another one uses that one's from then on.
	EventHook EventHook
	// Sprint makes text of the values that services panic with. Default: what
	// fmt.Sprint says when it happens, on one line and not longer than 4 KiB.
	Sprint SprintFunc
	// FailureDecay is the half-life of the failure count in seconds. Default 30.
	FailureDecay float64
	// FailureThreshold is the count over which there is a pause. Default 5.
	// Infinity means never; below zero every failure begins one.
	FailureThreshold float64
	// FailureBackoff is how long a pause lasts. Default 15s; below zero it is over
	// at once.
	FailureBackoff time.Duration
	// BackoffJitter turns FailureBackoff into the actual length of a pause, counted
	// from its beginning; zero or less ends the pause at once. Default
	// [DefaultJitter]. FailureBackoff stands until there is an answer, and if the
	// Jitter panics.
	BackoffJitter Jitter
	// Timeout is how long a service may take to stop. All are asked at once, so
	// one Timeout bounds the stop of a supervisor; a nested one gets as long as its
	// own services may take. Default 10s; below zero nothing is waited for.
	Timeout time.Duration
	// PassThroughPanics lets a panic in a service crash the program.
	PassThroughPanics bool
	// DontPropagateTermination: [ErrTerminateSupervisorTree] from a service ends
	// this supervisor but not the one above.
	DontPropagateTermination bool
}

// core says the same to package tend, but for the hook. What package tend
// refuses and v4 gave a meaning to keeps that meaning.
func (s Spec) core(supervisor string) tend.Spec {
	if math.IsNaN(s.FailureDecay) || s.FailureDecay < 0 {
		panic(fmt.Sprintf("tend/suture: New %q: Spec.FailureDecay is %v", supervisor, s.FailureDecay))
	}
	if math.IsNaN(s.FailureThreshold) {
		panic(fmt.Sprintf("tend/suture: New %q: Spec.FailureThreshold is NaN", supervisor))
	}
	spec := tend.Spec{
		FailureDecay:      halfLife(s.FailureDecay),
		FailureThreshold:  coreThreshold(s.FailureThreshold),
		FailureBackoff:    orAtOnce(s.FailureBackoff),
		Timeout:           orAtOnce(s.Timeout),
		PassThroughPanics: s.PassThroughPanics,
		KeepTermination:   s.DontPropagateTermination,
	}
	spec.Jitter, _ = s.jitter()
	return spec
}

// jitter is that of the core, and the one to ask besides: the core runs no code of
// users, but does what those of this package do.
func (s Spec) jitter() (core float64, ask Jitter) {
	switch j := s.BackoffJitter.(type) {
	case nil, *DefaultJitter:
		return 0, nil // the default
	case NoJitter:
		return -1, nil
	default:
		return -1, j
	}
}

// coreThreshold is a threshold as the core takes it: finite, and not below zero.
func coreThreshold(f float64) float64 {
	if f < 0 {
		return math.SmallestNonzeroFloat64
	}
	return min(f, math.MaxFloat64)
}

// halfLife is so many seconds, but at least a nanosecond and at most a century;
// 0 if they are 0.
func halfLife(seconds float64) time.Duration {
	const century = 100 * 365 * 24 * 60 * 60
	if seconds == 0 {
		return 0
	}
	return max(1, time.Duration(min(seconds, century)*float64(time.Second)))
}

// orAtOnce is d, and the shortest time there is for a negative d.
func orAtOnce(d time.Duration) time.Duration {
	if d < 0 {
		return 1
	}
	return d
}
