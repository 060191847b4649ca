//go:build unix

// Signals have the numbers that Unix gives them.

package process

import (
	"errors"
	"fmt"
	"math"
	"os/exec"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Each line is "time call -> signal deadline phase", in seconds since the start.
func TestLife(t *testing.T) {
	asked := errors.New("asked")
	calls := map[string]func(*life, time.Time) Signal{
		"start":     func(l *life, now time.Time) Signal { l.started(now); return 0 },
		"ready":     func(l *life, now time.Time) Signal { l.ready(now); return 0 },
		"alive":     func(l *life, now time.Time) Signal { l.alive(now); return 0 },
		"extend 50": func(l *life, now time.Time) Signal { l.extend(now, 50*time.Second); return 0 },
		"extend 1":  func(l *life, now time.Time) Signal { l.extend(now, time.Second); return 0 },
		"extend ∞":  func(l *life, now time.Time) Signal { l.extend(now, 1<<63-1); return 0 },
		"watch 3":   func(l *life, now time.Time) Signal { l.rewatch(now, 3*time.Second); return 0 },
		"stop":      func(l *life, now time.Time) Signal { return l.stop(now, asked) },
		"hasten 2": func(l *life, now time.Time) Signal {
			l.hasten(now, 2*time.Second, 2*time.Second)
			return l.end(now, errors.New("all of it stops"))
		},
		"hasten 60": func(l *life, now time.Time) Signal {
			l.hasten(now, 5*time.Second, time.Minute)
			return l.end(now, errors.New("all of it stops"))
		},
		"bark":  func(l *life, now time.Time) Signal { return l.bark(now, asked) },
		"timer": func(l *life, now time.Time) Signal { return l.expired(now, nil) },
	}
	type step struct {
		at   int
		call string
		want string
	}
	plain := life{stopTimeout: 5 * time.Second, stopSignal: sigTerm}
	watched := plain
	watched.watchdog, watched.startTimeout = 10*time.Second, 30*time.Second
	kill := plain
	kill.stopSignal = sigKill
	for name, test := range map[string]struct {
		life  life
		steps []step
		cause string
	}{
		"no limits, ends by itself": {plain, []step{
			{0, "start", "0 - starting"}, {0, "ready", "0 - up"}, {1, "alive", "0 - up"}, {9, "extend 50", "0 - up"}, {9, "watch 3", "0 - up"},
		}, "<nil>"},
		"a stop in time": {plain, []step{
			{0, "start", "0 - starting"}, {0, "ready", "0 - up"}, {7, "stop", "15 12 stopping"}, {8, "stop", "0 12 stopping"}, {8, "ready", "0 12 stopping"},
		}, "asked"},
		"a stop that is to be over sooner": {plain, []step{
			{0, "start", "0 - starting"},
			{7, "stop", "15 12 stopping"},
			{8, "hasten 60", "0 12 stopping"},
			{9, "hasten 2", "0 11 stopping"},
			{10, "timer", "0 11 stopping"},
			{11, "timer", "9 - killing"},
			{11, "hasten 2", "0 - killing"},
		}, "asked"},
		"a stop that was granted more": {plain, []step{
			{0, "start", "0 - starting"},
			{7, "stop", "15 12 stopping"},
			{8, "extend 50", "0 58 stopping"},
			{9, "hasten 60", "0 58 stopping"},
			{10, "hasten 2", "0 12 stopping"},
			{11, "extend 50", "0 12 stopping"},
			{12, "timer", "9 - killing"},
		}, "asked"},
		"a stop that asks for more than there is": {plain, []step{
			{0, "start", "0 - starting"},
			{7, "hasten 60", "15 12 stopping"},
			{8, "extend 50", "0 58 stopping"},
			{20, "extend 50", "0 67 stopping"},
			{67, "timer", "9 - killing"},
		}, "all of it stops"},
		"a stop that needs force": {plain, []step{
			{0, "start", "0 - starting"},
			{7, "stop", "15 12 stopping"},
			{11, "timer", "0 12 stopping"},
			{12, "timer", "9 - killing"},
			{13, "timer", "0 - killing"},
			{13, "stop", "0 - killing"},
			{13, "extend 50", "0 - killing"},
		}, "asked"},
		"a stop that asks for more time": {plain, []step{
			{0, "start", "0 - starting"}, {7, "stop", "15 12 stopping"}, {8, "extend 1", "0 12 stopping"}, {8, "extend 50", "0 58 stopping"}, {12, "timer", "0 58 stopping"},
		}, "asked"},
		"a stop by force from the start": {kill, []step{
			{0, "start", "0 - starting"}, {7, "stop", "9 - killing"}, {7, "timer", "0 - killing"},
		}, "asked"},
		"not ready in time": {watched, []step{
			{0, "start", "0 30 starting"},
			{1, "alive", "0 30 starting"},
			{8, "timer", "0 30 starting"},
			{16, "timer", "0 30 starting"},
			{24, "timer", "0 30 starting"},
			{30, "timer", "15 35 stopping"},
			{35, "timer", "9 - killing"},
		}, "tend: service was not ready in time: 30s"},
		"a start that asks for more time": {watched, []step{
			{0, "start", "0 30 starting"}, {29, "extend 50", "0 79 starting"}, {30, "timer", "0 79 starting"}, {40, "ready", "0 50 up"},
		}, "<nil>"},
		"a start that asks for all the time": {watched, []step{
			{0, "start", "0 30 starting"}, {29, "extend ∞", "0 9223372065 starting"},
		}, "<nil>"},
		"a watchdog that falls silent": {watched, []step{
			{0, "start", "0 30 starting"},
			{2, "ready", "0 12 up"},
			{8, "alive", "0 18 up"},
			{11, "timer", "0 18 up"},
			{14, "timer", "0 18 up"},
			{17, "timer", "0 18 up"},
			{18, "timer", "6 23 stopping"},
			{19, "alive", "0 23 stopping"},
			{23, "timer", "9 - killing"},
		}, "tend: service did not call Alive in time: 10s"},
		// The clock is looked at each 2.5 s, so at 4.5, 12.5, 15.5 here.
		"a watchdog that comes late itself": {watched, []step{
			{0, "start", "0 30 starting"},
			{2, "ready", "0 12 up"},
			{10, "timer", "0 20 up"},
			{13, "timer", "0 20 up"},
			{18, "timer", "0 20 up"}, // late by a part, not more
			{20, "timer", "6 25 stopping"},
		}, "tend: service did not call Alive in time: 10s"},
		"a watchdog that comes late again and again": {watched, []step{
			{0, "start", "0 30 starting"}, {2, "ready", "0 12 up"}, {30, "timer", "0 40 up"}, {60, "timer", "0 70 up"}, {61, "alive", "0 71 up"},
		}, "<nil>"},
		"a start that is looked at late": {watched, []step{
			{0, "start", "0 30 starting"}, {16, "timer", "0 46 starting"}, {24, "timer", "0 46 starting"}, {99, "timer", "0 129 starting"},
		}, "<nil>"},
		"a late look takes no time away": {watched, []step{
			{0, "start", "0 30 starting"}, {1, "extend 50", "0 51 starting"}, {20, "timer", "0 51 starting"},
		}, "<nil>"},
		"a stop that is looked at late": {watched, []step{
			{0, "start", "0 30 starting"}, {7, "stop", "15 12 stopping"}, {99, "timer", "9 - killing"},
		}, "asked"},
		"a watchdog that is tightened": {watched, []step{
			{0, "start", "0 30 starting"}, {1, "watch 3", "0 30 starting"}, {2, "ready", "0 5 up"},
		}, "<nil>"},
		"a watchdog that is pulled": {watched, []step{
			{0, "start", "0 30 starting"}, {2, "ready", "0 12 up"}, {3, "bark", "6 8 stopping"},
		}, "asked"},
	} {
		t.Run(name, func(t *testing.T) {
			l, zero := test.life, time.Unix(0, 0)
			var got, want []step
			for _, s := range test.steps {
				want = append(want, s)
				sig := calls[s.call](&l, zero.Add(time.Duration(s.at)*time.Second))
				deadline := "-"
				if !l.deadline.IsZero() {
					deadline = fmt.Sprint(int64(l.deadline.Sub(zero) / time.Second))
					if l.deadline.Unix() > 1<<32 { // beyond what Sub can say
						deadline = fmt.Sprint(l.deadline.Unix())
					}
				}
				s.want = fmt.Sprintf("%d %s %s", sig, deadline, [...]string{"starting", "up", "stopping", "killing"}[l.phase])
				got = append(got, s)
			}
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(step{})); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if cause := fmt.Sprint(l.cause); cause != test.cause {
				t.Errorf("cause is %q, want %q", cause, test.cause)
			}
		})
	}
}

// Only a stop that the context of Serve began with counts as one that was asked for.
func TestAsked(t *testing.T) {
	now, cause := time.Now(), errors.New("cause")
	end := func(l *life) { l.end(now, cause) }
	stop := func(l *life) { l.stop(now, cause) }
	for _, c := range []struct {
		what  string
		calls []func(*life)
		want  bool
	}{
		{"it ends", []func(*life){end}, true},
		{"it fails", []func(*life){stop}, false},
		{"it fails and ends", []func(*life){stop, end}, false},
		{"it ends and fails", []func(*life){end, stop}, true},
	} {
		l := life{stopTimeout: time.Second, stopSignal: sigTerm}
		l.started(now)
		for _, call := range c.calls {
			call(&l)
		}
		if l.asked != c.want {
			t.Errorf("%s: asked is %v", c.what, l.asked)
		}
	}
}

// TestStopTimeoutWithin: what is left of a stop is for draining and for the kernel, too.
func TestStopTimeoutWithin(t *testing.T) {
	c := &Command{StopTimeout: 5 * time.Second, DrainTimeout: 2 * time.Second}
	for left, want := range map[time.Duration]time.Duration{
		c.stopTime():           5 * time.Second, // the Timeout of its Child
		time.Hour:              5 * time.Second,
		7 * time.Second:        4 * time.Second,
		4 * time.Second:        2 * time.Second,
		100 * time.Millisecond: 50 * time.Millisecond,
		-time.Second:           0,
	} {
		if got := c.stopTimeoutWithin(left); got != want {
			t.Errorf("of %v it may take %v, want %v", left, got, want)
		}
	}
}

// Output may stay open for ever, and the process has half of what is left all the same.
func TestADrainWithoutAnEndLeavesTimeToStop(t *testing.T) {
	for _, drain := range []time.Duration{math.MaxInt64, math.MaxInt64 - killTime + 1, math.MaxInt64 - killTime} {
		c := &Command{StopTimeout: 5 * time.Second, DrainTimeout: drain}
		for left, want := range map[time.Duration]time.Duration{
			math.MaxInt64:   5 * time.Second,
			8 * time.Second: 4 * time.Second,
			time.Second:     500 * time.Millisecond,
			-time.Second:    0,
		} {
			if got := c.stopTimeoutWithin(left); got != want {
				t.Errorf("with a DrainTimeout of %v it may take %v of %v, want %v", drain, got, left, want)
			}
		}
	}
}

// What is left after the exit is for draining, but for the moment in which Serve returns.
func TestDrainWithin(t *testing.T) {
	c := &Command{DrainTimeout: 2 * time.Second}
	for left, want := range map[time.Duration]time.Duration{
		time.Hour:               2 * time.Second,
		3 * time.Second:         2 * time.Second,
		2500 * time.Millisecond: 1500 * time.Millisecond,
		time.Second:             500 * time.Millisecond,
		-time.Second:            10 * time.Millisecond,
	} {
		if got := c.drainWithin(left); got != want {
			t.Errorf("of %v it may take %v, want %v", left, got, want)
		}
	}
}

// What the reader of Stdin has failed with is known when no time is left, and not hidden by
// output that is held open.
func TestTheReaderIsHeard(t *testing.T) {
	for range 20 {
		f := &feed{done: make(chan error, 1)}
		f.done <- errBusy
		if err := withReader(exec.ErrWaitDelay, f.wait(0)); err != errBusy {
			t.Fatalf("got %v", err)
		}
	}
	for _, c := range []struct{ wait, unread, want error }{
		{nil, errBusy, errBusy}, {exec.ErrWaitDelay, nil, exec.ErrWaitDelay}, {errBusy, exec.ErrNotFound, errBusy}, {nil, nil, nil},
	} {
		if err := withReader(c.wait, c.unread); err != c.want {
			t.Errorf("of %v and %v: %v", c.wait, c.unread, err)
		}
	}
}
