package suture

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
)

func TestSpec(t *testing.T) {
	const century = 100 * 365 * 24 * time.Hour
	for name, c := range map[string]struct {
		spec Spec
		core tend.Spec
	}{
		"zero": {},
		"all": {
			Spec{
				FailureDecay: 1.5, FailureThreshold: 2.5, FailureBackoff: 3, Timeout: 4,
				PassThroughPanics: true, DontPropagateTermination: true,
			},
			tend.Spec{
				FailureDecay: 1500 * time.Millisecond, FailureThreshold: 2.5, FailureBackoff: 3, Timeout: 4,
				PassThroughPanics: true, KeepTermination: true,
			},
		},
		"below zero": {
			Spec{FailureThreshold: -1, FailureBackoff: -1, Timeout: -1},
			tend.Spec{FailureThreshold: math.SmallestNonzeroFloat64, FailureBackoff: 1, Timeout: 1},
		},
		"default jitter": {Spec{BackoffJitter: &DefaultJitter{}}, tend.Spec{}},
		"no jitter":      {Spec{BackoffJitter: NoJitter{}}, tend.Spec{Jitter: -1}},
		"its own jitter": {Spec{BackoffJitter: twice{}}, tend.Spec{Jitter: -1}},
		"infinite":       {Spec{FailureDecay: math.Inf(1), FailureThreshold: math.Inf(1)}, tend.Spec{FailureDecay: century, FailureThreshold: math.MaxFloat64}},
		"too long":       {Spec{FailureDecay: 1e300}, tend.Spec{FailureDecay: century}},
		"too short":      {Spec{FailureDecay: 1e-300}, tend.Spec{FailureDecay: 1}},
		"minus infinity": {Spec{FailureThreshold: math.Inf(-1)}, tend.Spec{FailureThreshold: math.SmallestNonzeroFloat64}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.core, c.spec.core("name")); diff != "" {
				t.Error(diff)
			}
			tend.New("name", c.spec.core("name")) // takes it
		})
	}
}

type twice struct{}

func (twice) Jitter(d time.Duration) time.Duration { return 2 * d }

// Nobody is asked what the core can do.
func TestWhoIsAsked(t *testing.T) {
	for _, c := range []struct {
		jitter Jitter
		asked  bool
	}{{nil, false}, {NoJitter{}, false}, {&DefaultJitter{}, false}, {twice{}, true}} {
		if got := New("name", Spec{BackoffJitter: c.jitter}).asker != nil; got != c.asked {
			t.Errorf("%T: %t", c.jitter, got)
		}
	}
}

func TestSpecThatMeansNothing(t *testing.T) {
	for field, spec := range map[string]Spec{
		"Spec.FailureDecay is NaN":     {FailureDecay: math.NaN()},
		"Spec.FailureDecay is -1":      {FailureDecay: -1},
		"Spec.FailureThreshold is NaN": {FailureThreshold: math.NaN()},
	} {
		func() {
			defer func() {
				if text := fmt.Sprint(recover()); !strings.Contains(text, `New "name": `+field) {
					t.Errorf("panicked with %s, want %q in it", text, field)
				}
			}()
			New("name", spec)
		}()
	}
}
