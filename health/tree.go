package health

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/said"
)

// Tree is what a [Monitor] asks how the services are; a [*tend.Supervisor] is one.
type Tree interface {
	Status() tend.Status
}

// TreeStatus is what the tree itself knows, summed up.
type TreeStatus struct {
	Name string
	// Status fails until all services have run at once since the supervisor was
	// started, and when it is not running. After that a service that does not run,
	// and should, is a warning: one that fails now and then must not take the whole
	// program out of service.
	Status   Grade
	Time     time.Time
	Services int    // that there are, without supervisors
	Running  int    // of them
	Output   string // which do not run and should, and why: the first few
}

// treeAge is how old the answer to a request may be. Looking at 10,000 services
// takes some milliseconds, and anybody may ask for /readyz at any rate.
const treeAge = time.Second

// treeCache asks the tree at most once per treeAge.
type treeCache struct {
	mu   sync.Mutex // held while the tree is asked, so that one asks for all
	last *TreeStatus
}

// status returns nil if there is no tree.
func (c *treeCache) status(t Tree, now time.Time) *TreeStatus {
	if t == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last == nil || now.Sub(c.last.Time) >= treeAge {
		c.last = sumUp(t.Status(), now)
	}
	return c.last
}

// census walks a tree.
type census struct {
	TreeStatus
	troubled int
	named    []string
}

// maxNamed is how many services the output names.
const maxNamed = 5

func sumUp(s tend.Status, now time.Time) *TreeStatus {
	c := census{TreeStatus: TreeStatus{Name: s.Name, Time: now}}
	c.walk(s)
	switch {
	case !s.Serving:
		c.Status, c.Output = GradeFail, "the supervisor is not running"
	case !s.Ready:
		c.Status, c.Output = GradeFail, "not all services have been running yet"
	case c.troubled > 0:
		c.Status = GradeWarn
	}
	if s.Serving && c.troubled > 0 {
		c.Output = strings.TrimPrefix(fmt.Sprintf("%s; %d of %d services not running: %s",
			c.Output, c.troubled, c.Services, strings.Join(c.named, "; ")), "; ")
	}
	return &c.TreeStatus
}

// walk counts the services of s. A nested supervisor is none: what does not run in
// it is named itself.
func (c *census) walk(s tend.Status) {
	for _, sv := range s.Services {
		if sv.Supervisor != nil && len(sv.Supervisor.Services) > 0 {
			c.walk(*sv.Supervisor)
			continue
		}
		c.Services++
		switch sv.State {
		case tend.StateRunning:
			c.Running++
		case tend.StateDone, tend.StateSuspended, tend.StateGone: // as it should be
		case tend.StatePending, tend.StateStarting, tend.StateBackoff, tend.StateStopping, tend.StateStuck, tend.StateFailed:
			c.trouble(sv)
		}
	}
}

func (c *census) trouble(sv tend.ServiceStatus) {
	c.troubled++
	if len(c.named) >= maxNamed {
		return
	}
	text := fmt.Sprintf("%s is %v", sv.Path, sv.State)
	if n := len(sv.Failures); n > 0 {
		text += " (" + said.Clean(sv.Failures[n-1].Err, 200) + ")"
	}
	c.named = append(c.named, text)
}

// element is the tree in a health+json document.
func (t *TreeStatus) element() element {
	state := Healthy
	switch t.Status {
	case GradeWarn:
		state = Degraded
	case GradeFail:
		state = Unhealthy
	case GradePass:
	}
	return element{
		Status: t.Status, Time: t.Time, Output: t.Output, State: state, Kind: Readiness,
		Details: map[string]any{"services": t.Services, "running": t.Running},
	}
}
