package health

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"math"
	"slices"
	"time"

	"github.com/tend-go/tend/internal/words"
)

// Grade sums up: the "status" of the health+json format
// (draft-inadarei-api-health-check-06).
type Grade uint8

// The grades.
const (
	GradePass Grade = iota
	GradeWarn       // works, but look at it
	GradeFail
)

var grades = words.New[Grade](owner, "pass", "warn", "fail")

// String returns "pass", "warn" or "fail".
func (g Grade) String() string { return grades.Of(g) }

// MarshalText returns what String does.
func (g Grade) MarshalText() ([]byte, error) { return []byte(g.String()), nil }

// UnmarshalText reads what MarshalText has written.
func (g *Grade) UnmarshalText(text []byte) error { return grades.Read(g, text) }

// covers says whether a report about k includes probes of kind p. What is not alive,
// or has not started up, is not ready either; what fails to start up is as good as
// dead.
func (k Kind) covers(p Kind) bool {
	switch k {
	case Liveness:
		return p != Readiness
	case Startup:
		return p == Startup
	case Readiness:
	}
	return true
}

// grade is what a probe in state s means for a report about k. Unknown is alive,
// but not ready.
func (k Kind) grade(s State) Grade {
	switch s {
	case Healthy:
		return GradePass
	case Degraded:
		return GradeWarn
	case Unknown:
		if k == Liveness {
			return GradePass
		}
	case Unhealthy:
	}
	return GradeFail
}

// whole is grade as it counts for the whole report.
func (k Kind) whole(s State, w weight) Grade {
	g := k.grade(s)
	if w == optional || w == attended && k == Liveness {
		g = min(g, GradeWarn)
	}
	return g
}

// Report is a copy of what a [Prober] knew at one moment. Its JSON form is
// application/health+json.
type Report struct {
	About  Kind
	Status Grade // the worst of all that count, see [Prober.Snapshot]; Optional probes do no more than warn
	Time   time.Time
	Output string        // what is wrong with the whole, if it is neither a probe nor the tree
	Probes []ProbeStatus // in the order of names
	Tree   *TreeStatus   // if the Prober knows a tree and the report is not about [Startup]
}

// ProbeStatus is one probe in a [Report].
type ProbeStatus struct {
	Name, Instance string
	Kind           Kind
	Optional       bool
	State          State
	Status         Grade     // of the probe itself, Optional or not
	Since          time.Time // when it came into State
	Checked        time.Time // when the last result was known; zero if there is none
	Took           time.Duration
	Failures       int         // since it was last well
	Output         string      // what the last result said
	Details        []slog.Attr // of the last result
}

// Snapshot reports on the probes that matter for what kind says: for [Readiness]
// all; for [Liveness] those of kinds Liveness and Startup, of which the ones
// without a verdict count as alive; for [Startup] those of that kind. It runs no
// check.
//
// A program is alive unless only its end can help. So in a Liveness report the probes
// of a [Prober.Guard], which restarts their service, do no more than warn; and while
// the Tree stops, no probe does more, or the program would be killed during its last
// requests.
func (p *Prober) Snapshot(kind Kind) Report {
	r, _ := p.report(kind, true)
	p.judge(context.Background(), &r)
	return r
}

// report is what the probes know, with a list of them or without: then its cost does
// not depend on their number. It also says whether the Prober is being served.
func (p *Prober) report(about Kind, list bool) (r Report, served bool) {
	r = Report{About: about, Time: time.Now()}
	p.decide(func(plan *plan, _ time.Time) {
		served = p.driver == serving
		r.Status = plan.tally.grade(about)
		if list {
			r.Probes = plan.statuses(about)
		}
	})
	slices.SortFunc(r.Probes, func(a, b ProbeStatus) int { return cmp.Compare(a.Name, b.Name) })
	return r, served
}

// unserved says that nobody runs the probes, so that what they know gets old. That is
// no reason to end the program: whoever supervises the Prober sees to it.
func (r *Report) unserved() {
	r.Status, r.Output = GradeFail, "the health prober is not running"
	if r.About == Liveness {
		r.Status = GradeWarn
	}
}

// judge adds what the tree knows, if there is one, to a report that it is part of.
func (p *Prober) judge(ctx context.Context, r *Report) {
	if p.tree == nil || r.About == Startup {
		return
	}
	tree := p.tree.look(ctx) // of all who ask in this moment: each has a copy
	status := tree.ready
	if r.About == Liveness {
		status = tree.alive
		if tree.leaving {
			r.Status = min(r.Status, GradeWarn)
		}
	}
	r.Tree = &status
	r.Status = max(r.Status, r.Tree.Status)
}

// statuses are those of the probes that matter for about, in no order.
func (p *plan) statuses(about Kind) []ProbeStatus {
	list := make([]ProbeStatus, 0, len(p.entries))
	for _, e := range p.entries {
		if about.covers(e.Kind) {
			list = append(list, e.status(about))
		}
	}
	return list
}

func (e *entry) status(about Kind) ProbeStatus {
	s := ProbeStatus{
		Name: e.Name, Instance: e.Instance, Kind: e.Kind, Optional: e.Optional,
		State: e.verdict.state, Status: about.grade(e.verdict.state),
		Since: e.changed, Checked: e.lastAt, Took: e.took, Failures: e.verdict.fails,
		Output: e.last.err.Error(), Details: e.last.details,
	}
	if e.lastAt.IsZero() {
		s.Output = "no result yet"
	}
	return s
}

// document is the health+json form. The fields that the draft does not have are called
// as in this package.
type document struct {
	Status Grade                `json:"status"`
	Output string               `json:"output,omitempty"`
	Checks map[string][]element `json:"checks,omitempty"`
}

type element struct {
	ComponentID string         `json:"componentId,omitempty"` // the instance
	Status      Grade          `json:"status"`
	Time        time.Time      `json:"time,omitzero"`
	Output      string         `json:"output,omitempty"`
	State       State          `json:"state"`
	Kind        Kind           `json:"kind"`
	Optional    bool           `json:"optional,omitempty"`
	Failures    int            `json:"failures,omitempty"`
	Since       time.Time      `json:"since,omitzero"`
	DurationMS  float64        `json:"durationMs,omitempty"`
	Details     map[string]any `json:"details,omitempty"`
}

// MarshalJSON returns the health+json form: each probe is an array of one element
// under its name, and so is the tree, under its name with ":services" added.
func (r Report) MarshalJSON() ([]byte, error) {
	d := document{Status: r.Status, Output: r.Output, Checks: map[string][]element{}}
	for _, p := range r.Probes {
		d.Checks[p.Name] = append(d.Checks[p.Name], element{
			ComponentID: p.Instance, Status: p.Status, Time: p.Checked, Output: p.Output,
			State: p.State, Kind: p.Kind, Optional: p.Optional, Failures: p.Failures, Since: p.Since,
			DurationMS: float64(p.Took) / float64(time.Millisecond), Details: object(p.Details),
		})
	}
	if t := r.Tree; t != nil {
		name := t.Name + ":services"
		d.Checks[name] = append(d.Checks[name], t.element(r.About))
	}
	return json.Marshal(d)
}

// object makes JSON of attributes that [freeze] has made plain.
func object(attrs []slog.Attr) map[string]any {
	o := make(map[string]any, len(attrs))
	for _, a := range attrs {
		switch v := a.Value; v.Kind() {
		case slog.KindGroup:
			o[a.Key] = object(v.Group())
		case slog.KindBool, slog.KindInt64, slog.KindUint64:
			o[a.Key] = v.Any()
		case slog.KindFloat64:
			o[a.Key] = v.Any()
			if f := v.Float64(); math.IsNaN(f) || math.IsInf(f, 0) { // JSON has no word for it
				o[a.Key] = v.String()
			}
		case slog.KindTime:
			o[a.Key] = v.Time().Format(time.RFC3339Nano)
		case slog.KindAny, slog.KindDuration, slog.KindLogValuer, slog.KindString:
			o[a.Key] = v.String()
		}
	}
	return o
}
