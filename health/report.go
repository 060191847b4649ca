package health

import (
	"cmp"
	"encoding/json"
	"log/slog"
	"math"
	"slices"
	"time"
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

// String returns "pass", "warn" or "fail".
func (g Grade) String() string { return enum(g, "pass", "warn", "fail") }

// MarshalText returns what String does.
func (g Grade) MarshalText() ([]byte, error) { return []byte(g.String()), nil }

// covers says whether a report about k includes probes of kind p. What is not
// alive or has not started up is not ready either; what fails to start up is as
// good as dead.
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
func (k Kind) whole(s State, optional bool) Grade {
	g := k.grade(s)
	if optional {
		g = min(g, GradeWarn)
	}
	return g
}

// Report is a copy of what a [Monitor] knew at one moment. Its JSON form is
// application/health+json.
type Report struct {
	About  Kind
	Status Grade // the worst of all; Optional probes do no more than warn
	Time   time.Time
	Output string        // what is wrong with the whole, if it is not a probe
	Probes []ProbeStatus // in the order of names
	Tree   *TreeStatus   // if the Monitor knows a tree and the report is about [Readiness]
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
func (m *Monitor) Snapshot(kind Kind) Report {
	r := Report{About: kind, Time: time.Now()}
	if kind == Readiness {
		r.Tree = m.tree.status(m.config.Tree, r.Time)
	}
	m.decide(func(p *plan, _ time.Time) {
		r.Status = p.tally.grade(kind)
		r.Probes = make([]ProbeStatus, 0, len(p.entries))
		for _, e := range p.entries {
			if kind.covers(e.Kind) {
				r.Probes = append(r.Probes, e.status(kind))
			}
		}
	})
	if r.Tree != nil {
		r.Status = max(r.Status, r.Tree.Status)
	}
	slices.SortFunc(r.Probes, func(a, b ProbeStatus) int { return cmp.Compare(a.Name, b.Name) })
	return r
}

// brief is Snapshot without the probes. Its cost does not depend on their number.
func (m *Monitor) brief(kind Kind) (r Report, served bool) {
	r = Report{About: kind, Time: time.Now()}
	if kind == Readiness {
		r.Tree = m.tree.status(m.config.Tree, r.Time)
	}
	m.decide(func(p *plan, _ time.Time) { r.Status, served = p.tally.grade(kind), m.actor == serving })
	if r.Tree != nil {
		r.Status = max(r.Status, r.Tree.Status)
	}
	return r, served
}

func (e *entry) status(about Kind) ProbeStatus {
	s := ProbeStatus{
		Name: e.Name, Instance: e.Instance, Kind: e.Kind, Optional: e.Optional,
		State: e.verdict.state, Status: about.grade(e.verdict.state),
		Since: e.changed, Checked: e.lastAt, Took: e.took, Failures: e.verdict.fails,
		Output: e.last.text, Details: e.last.details,
	}
	if e.lastAt.IsZero() {
		s.Output = "no result yet"
	}
	return s
}

// document is the health+json form. What the draft does not know is in the words
// of this package.
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
// under its name, the tree is under its own with ":services" added.
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
		d.Checks[name] = append(d.Checks[name], t.element())
	}
	return json.Marshal(d)
}

// object is what attributes, which [freeze] has made plain, are in JSON.
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
