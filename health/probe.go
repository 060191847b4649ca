package health

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tend-go/tend/internal/said"
	"github.com/tend-go/tend/internal/words"
)

// Kind says what a probe is for. The words are those of Kubernetes.
type Kind uint8

const (
	// Readiness probes only report. The zero value, because it can do no harm.
	Readiness Kind = iota
	// Liveness probes restart the service of their [Prober.Guard] when they
	// become Unhealthy. Without a Guard they only report: that the program is not
	// alive.
	Liveness
	// Startup probes hold back the other probes of their component until they
	// have become healthy once, and do not run after that. In a Guard one that
	// becomes Unhealthy restarts the service.
	Startup
)

var kinds = words.New[Kind](owner, "readiness", "liveness", "startup")

// String returns "readiness", "liveness" or "startup".
func (k Kind) String() string { return kinds.Of(k) }

// MarshalText returns what String does.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText has written.
func (k *Kind) UnmarshalText(text []byte) error { return kinds.Read(k, text) }

// The defaults of a [Probe]. A timeout of 1 s, as Kubernetes has it, is often
// too small.
const (
	DefaultInterval         = 10 * time.Second
	DefaultTimeout          = 5 * time.Second
	DefaultFailureThreshold = 3
	DefaultSuccessThreshold = 1

	defaultJitter = 0.1
)

// Probe is a [Check] with a schedule and thresholds. The zero value of every
// field but Name is usable.
type Probe struct {
	// Name is unique within a Prober. The component stands before the first colon:
	// "db:ping" is the measurement ping of db.
	Name string

	// Instance says which one is probed, if several things bear this name one after
	// the other: a container id, a pid. A listed probe (see List) whose Instance has
	// changed starts afresh.
	Instance string

	Kind Kind

	// Check finds out. A probe without Check and List is passive: it gets its results
	// from [Prober.Report] or [Beat].
	Check Check

	// List makes the probe a source of others: instead of checking anything it
	// lists the probes that there should be. Probes that it does not list any more are
	// forgotten with their state; settings that it changes count from the next run. If
	// it returns an error or does not answer in time, this probe has failed and the set
	// stays as it is. A listed probe that makes no sense is left out, and this probe has
	// failed too.
	List func(ctx context.Context) ([]Probe, error)

	// Interval is the time from the start of one run to that of the next.
	// Default [DefaultInterval]. A run that takes longer delays the next one:
	// runs of one probe never overlap. A run that is due right after one of another
	// probe may start up to 10 ms late, so that many probes do not wake up the program
	// for each.
	Interval time.Duration

	// FastInterval is used instead while the last result speaks against the
	// state, so that a verdict does not take a threshold times the Interval.
	// Default: Interval.
	FastInterval time.Duration

	// Timeout is how long a run may take; longer is a failure ([ErrTimeout]). After
	// that a check that ignores its context is left alone, and not started a second
	// time until it returns; each time that it is due meanwhile is another failure
	// ([ErrStuck]). Default [DefaultTimeout].
	Timeout time.Duration

	// InitialDelay passes between adding the probe and its first run; the silence of a
	// passive probe begins at the end of it. In a Guard it counts from the start of the
	// service.
	InitialDelay time.Duration

	// Jitter is the part of the interval, 0.2 for 20 %, up to which a random time is
	// added before every run, the first included, to which at most 5 seconds are added;
	// at most 1. Default 0.1; a negative one means none, which makes the schedule exact.
	Jitter float64

	// MaxAge makes silence a failure of a passive probe ([ErrSilent]), each time that
	// it has heard nothing for so long. Zero: silence is no failure.
	MaxAge time.Duration

	// FailureThreshold is how many failures in a row make it Unhealthy, default
	// [DefaultFailureThreshold]; SuccessThreshold how many successes in a row end
	// that, default [DefaultSuccessThreshold]. As many successes without a [Warn] as the
	// FailureThreshold end Degraded.
	FailureThreshold, SuccessThreshold int

	// Optional: Unhealthy is no more than a warning for the whole.
	Optional bool
}

// passive says whether results come from outside.
func (p *Probe) passive() bool { return p.Check == nil && p.List == nil }

// component is the name up to the first colon.
func (p *Probe) component() string {
	c, _, _ := strings.Cut(p.Name, ":")
	return c
}

// interval is the time to the next start: the fast one while v wavers.
func (p *Probe) interval(v verdict) time.Duration {
	if v.wavering() {
		return p.FastInterval
	}
	return p.Interval
}

// complete returns p with its defaults filled in, or an error that names the
// first setting that makes no sense.
func (p Probe) complete() (Probe, error) {
	if err := checkName(p.Name); err != nil {
		return p, err
	}
	if field, value := p.nonsense(); field != "" {
		return p, fmt.Errorf("probe %q: %s is %v", p.Name, field, value)
	}
	if p.passive() {
		p.Interval = cmp.Or(p.MaxAge, DefaultInterval)
	}
	p.Interval = cmp.Or(p.Interval, DefaultInterval)
	p.FastInterval = cmp.Or(p.FastInterval, p.Interval)
	p.Timeout = cmp.Or(p.Timeout, DefaultTimeout)
	p.FailureThreshold = cmp.Or(p.FailureThreshold, DefaultFailureThreshold)
	p.SuccessThreshold = cmp.Or(p.SuccessThreshold, DefaultSuccessThreshold)
	p.Jitter = max(0, cmp.Or(p.Jitter, defaultJitter))
	return p, nil
}

// nonsense is the first setting that makes no sense, and its value.
func (p *Probe) nonsense() (field string, value any) {
	for _, d := range []struct {
		field string
		value time.Duration
		busy  bool // means something only if there is something to run
	}{
		{"Interval", p.Interval, true},
		{"FastInterval", p.FastInterval, true},
		{"Timeout", p.Timeout, true},
		{"InitialDelay", p.InitialDelay, false},
		{"MaxAge", p.MaxAge, false},
	} {
		if d.value < 0 {
			return d.field, d.value
		}
		if d.busy && d.value > 0 && p.passive() {
			return d.field, fmt.Sprintf("%v, but there is no Check", d.value)
		}
	}
	switch every := cmp.Or(p.Interval, DefaultInterval); {
	case p.Kind > Startup:
		return "Kind", p.Kind
	case p.Check != nil && p.List != nil:
		return "List", "set, and so is Check"
	case p.MaxAge > 0 && !p.passive():
		return "MaxAge", fmt.Sprintf("%v, but the probe is not passive", p.MaxAge)
	case p.FastInterval > every:
		return "FastInterval", fmt.Sprintf("%v, longer than Interval %v", p.FastInterval, every)
	case !(p.Jitter <= 1): // also not a number
		return "Jitter", p.Jitter
	case p.FailureThreshold < 0:
		return "FailureThreshold", p.FailureThreshold
	case p.SuccessThreshold < 0:
		return "SuccessThreshold", p.SuccessThreshold
	}
	return "", nil
}

// maxName bounds names, which are map keys, labels and parts of log lines.
const maxName = 255

func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("a probe has no name")
	case len(name) > maxName:
		return fmt.Errorf("probe %q: the name has %d bytes, more than %d", said.Clean(name, 40), len(name), maxName)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Errorf("probe %q: the name is not printable", name)
	}
	return nil
}

// saturating is d + f·d for f ≥ 0, at most the longest duration.
func saturating(d time.Duration, f float64) time.Duration {
	if x := float64(d) * (1 + f); x < math.MaxInt64 {
		return time.Duration(x)
	}
	return math.MaxInt64
}
