package health

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/asked"
)

// Tree is what a [Prober] asks how the services are; a [*tend.Supervisor] is one.
type Tree interface {
	Status() tend.Status
}

// TreeStatus is what the tree itself knows, summed up for one kind of report.
type TreeStatus struct {
	Name string
	// Status, for [Readiness], is GradeFail if [Config].Ready says no, and GradeWarn
	// if the tree is ready, but not all its services run that should
	// ([tend.Status.AllRunning]). For [Liveness] it is GradeFail if
	// [tend.Status.Alive] says no. A tree that does not answer within 5 seconds is
	// neither ready nor alive.
	Status   Grade
	Time     time.Time // when it was asked
	Services int       // that should run, also those that are supervisors
	Running  int       // of them
	Output   string    // why Status is not GradePass: which services, since when and why
}

// treeAge is how old the answer to a request may be. Looking at 10,000 services
// takes some milliseconds, and anybody may ask for /readyz at any rate.
const treeAge = time.Second

// treeView looks at a tree, once for all who want to know. User code, the tree's and
// Config.Ready, runs in a goroutine of its own and under no lock.
type treeView struct {
	question asked.Question[*standing]
	name     atomic.Pointer[string] // of the tree; nil: it has never answered
}

// standing is what a tree was found to be.
type standing struct {
	ready, alive TreeStatus
	leaving      bool // it stops, or is not served
}

// newTreeView makes the view of a tree; nil if there is none.
func newTreeView(t Tree, ready func(tend.Status) error) *treeView {
	if t == nil {
		return nil
	}
	v := &treeView{question: asked.Question[*standing]{Age: treeAge}}
	v.question.Ask = func() *standing {
		now := time.Now()
		s := t.Status()
		v.name.Store(&s.Name)
		return newStanding(s, now, ready)
	}
	return v
}

// look asks the tree. If ctx ends before it answers, nothing is known.
func (v *treeView) look(ctx context.Context) *standing {
	s, err := v.question.Answer(ctx)
	if err != nil {
		return v.unknown(err)
	}
	return s
}

// unknown is the standing of a tree of which nothing is known but its name.
func (v *treeView) unknown(err error) *standing {
	t := TreeStatus{Name: "tree", Time: time.Now()}
	if name := v.name.Load(); name != nil {
		t.Name = *name
	}
	t.say(GradeFail, err)
	return &standing{ready: t, alive: t}
}

func newStanding(s tend.Status, now time.Time, ready func(tend.Status) error) *standing {
	count := TreeStatus{Name: s.Name, Time: now}
	count.count(s)
	st := &standing{ready: count, alive: count, leaving: !s.Serving || !s.Stopping.IsZero()}
	st.ready.say(GradeWarn, s.AllRunning())
	st.ready.say(GradeFail, ready(s))
	st.alive.say(GradeFail, s.Alive())
	return st
}

// count counts the services of s that should run.
func (t *TreeStatus) count(s tend.Status) {
	for _, c := range s.All() {
		if !c.Wanted {
			continue
		}
		t.Services++
		if c.State == tend.StateRunning {
			t.Running++
		}
	}
}

// say makes err, if there is one, what is said about the tree.
func (t *TreeStatus) say(g Grade, err error) {
	if err != nil {
		t.Status, t.Output = g, reasonOf(err).Error()
	}
}

// element is the tree in a health+json document.
func (t *TreeStatus) element(about Kind) element {
	state := Healthy
	switch t.Status {
	case GradeWarn:
		state = Degraded
	case GradeFail:
		state = Unhealthy
	case GradePass:
	}
	return element{
		Status: t.Status, Time: t.Time, Output: t.Output, State: state, Kind: about,
		Details: map[string]any{"services": t.Services, "running": t.Running},
	}
}
