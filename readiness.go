package tend

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tend-go/tend/internal/said"
)

// The one rule of readiness. Probes, pages, metrics and systemd go by it.

// Ready is nil while the tree is ready: from the moment when all its services have
// been running at once until it begins to stop, except while a service that counts
// is down. Those that count are the services of the supervisor itself, and
// Significant ones anywhere below it; what else a nested supervisor contains is its
// own matter until it escalates, so that one tenant of thousands takes no program
// out of service. A nested supervisor is down while it is not served. Temporary
// services do not count, nor do those that are not wanted ([ServiceStatus].Wanted);
// one that has failed for good does.
//
// The error says which services are down, since when, why and until when.
func (s Status) Ready() error {
	return s.verdict(func(depth int, c *ServiceStatus) bool {
		return (depth == 0 || c.Significant) && c.Restart != Temporary && c.isDown()
	})
}

// AllRunning is a stricter Ready: every service of the whole tree that is wanted
// counts, but for Temporary ones.
func (s Status) AllRunning() error {
	return s.verdict(func(_ int, c *ServiceStatus) bool { return c.Restart != Temporary && c.isDown() })
}

// Alive is nil unless only the end of the program can help the tree: a service is
// stuck (asked to stop, it did not return) and wanted, so that its next run waits
// for the end of this one for ever. A service that waits, keeps failing or has
// given up is being seen to: a check that ends the program because a database is
// down ends every instance of it at once. A tree that stops, or is not served, is
// alive: who ends it in its last requests helps nobody.
func (s Status) Alive() error {
	if !s.Serving || !s.Stopping.IsZero() {
		return nil
	}
	return s.down(func(_ int, c *ServiceStatus) bool { return c.State == StateStuck && c.Wanted })
}

func (s Status) verdict(down func(depth int, c *ServiceStatus) bool) error {
	switch {
	case !s.Serving:
		return fmt.Errorf("%s is not served", s.Path)
	case !s.Stopping.IsZero():
		return fmt.Errorf("%s is stopping: %s", s.Path, s.Stopping.Error())
	}
	if err := s.down(down); err != nil || s.Started {
		return err
	}
	return s.starting()
}

// starting says what a tree waits for that has not been up yet.
func (s Status) starting() error {
	if err := s.down(func(_ int, c *ServiceStatus) bool { return c.isDown() }); err != nil {
		return fmt.Errorf("not all services have been running yet: %w", err)
	}
	return errors.New("not all services have been running yet")
}

// isDown: it is wanted and does not run. What is below a supervisor is not its own
// matter: that is up while it is served.
func (s *ServiceStatus) isDown() bool {
	switch {
	case !s.Wanted || s.State == StateRunning:
		return false
	case s.Supervisor != nil && s.Supervisor.Serving:
		return s.State != StateStarting
	default:
		return true
	}
}

// maxNamed is how many services an error names.
const maxNamed = 5

// down names the services that a rule finds to be down; nil if there are none.
func (s Status) down(rule func(depth int, c *ServiceStatus) bool) error {
	var named []string
	more := 0
	for depth, c := range s.All() {
		switch {
		case !rule(depth, c):
		case len(named) < maxNamed:
			named = append(named, c.plight(s.Time))
		default:
			more++
		}
	}
	if more > 0 {
		named = append(named, fmt.Sprintf("and %d more", more))
	}
	if len(named) == 0 {
		return nil
	}
	return errors.New(strings.Join(named, "; "))
}

// plight says what is the matter with a service: "root/db has failed for 5m: boom".
func (s *ServiceStatus) plight(now time.Time) string {
	verb := " is "
	switch s.State {
	case StateBackoff:
		verb = " is in "
	case StateFailed:
		verb = " has "
	default:
	}
	text := s.Path + verb + s.State.String() + " for " + said.Age(now.Sub(s.Since))
	if wait := s.wait(now); wait != "" {
		text += ", " + wait
	}
	if n := len(s.Failures); n > 0 {
		text += " (" + said.Short(s.Failures[n-1].Err.Error(), 100) + ")"
	}
	return text
}

// wait says what a service waits for: "waits for its delay, 3s"; empty if for
// nothing.
func (s *ServiceStatus) wait(now time.Time) string {
	if s.WaitingFor.IsZero() {
		return ""
	}
	text := "waits for " + s.WaitingFor.Error()
	if !s.WaitingUntil.IsZero() {
		text += ", " + said.Age(s.WaitingUntil.Sub(now))
	}
	if s.HeldBy != "" {
		text += ", held by " + s.HeldBy
	}
	return text
}
