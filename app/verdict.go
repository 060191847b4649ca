package app

import (
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/said"
)

// Live is the default of Options.Live: an error if the tree cannot mend itself.
// That is if it is not served, or a service is stuck (asked to stop it did not
// return, and its replacement cannot start before it has), unless it is stuck
// on its way out. Starting the program again helps there and only there: a
// service that waits, keeps failing or has given up is being seen to, and a
// check that ends the program because a database is down ends every instance of
// it at once.
func Live(s tend.Status) error {
	return verdict(s, func(c tend.ServiceStatus) bool { return c.State == tend.StateStuck && !leaving(c) })
}

// Ready is the default of Options.Ready: an error if the tree is not served, or a
// service that should run does not run now. Those that are done, suspended or on
// their way out should not.
//
// For a tree in which one service more or less is no reason to send users
// elsewhere, call it with the Status of the part that they need.
func Ready(s tend.Status) error {
	return verdict(s, func(c tend.ServiceStatus) bool { return wanted(c) && c.State != tend.StateRunning })
}

// Bounds of what a verdict says.
const (
	maxNamed   = 5   // services
	maxFailure = 100 // bytes of what each failed with
)

// verdict is an error that names the services that are bad.
func verdict(s tend.Status, bad func(tend.ServiceStatus) bool) error {
	if !s.Serving {
		return fmt.Errorf("%s is not served", s.Path)
	}
	if names := plights(s, bad); names != "" {
		return errors.New(names)
	}
	return nil
}

// plights names the services that are bad, and says what is the matter.
func plights(s tend.Status, bad func(tend.ServiceStatus) bool) string {
	var named []string
	more := 0
	for c := range services(s) {
		switch {
		case !bad(c):
		case len(named) < maxNamed:
			named = append(named, plight(c))
		default:
			more++
		}
	}
	if more > 0 {
		named = append(named, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(named, "; ")
}

// services are the services at the ends of the tree. A supervisor counts as one
// if it is not up itself, instead of all that are below it.
func services(s tend.Status) iter.Seq[tend.ServiceStatus] {
	return func(yield func(tend.ServiceStatus) bool) { walk(s, yield) }
}

func walk(s tend.Status, yield func(tend.ServiceStatus) bool) bool {
	for _, c := range s.Services {
		switch {
		case c.Supervisor == nil || !c.Supervisor.Serving:
			if !yield(c) {
				return false
			}
		case !walk(*c.Supervisor, yield):
			return false
		}
	}
	return true
}

// leaving: it is being stopped because somebody removed or suspended it.
func leaving(c tend.ServiceStatus) bool {
	return c.Stopping == tend.ErrRemoved.Error() || c.Stopping == tend.ErrSuspended.Error()
}

// wanted: it should run.
func wanted(c tend.ServiceStatus) bool {
	return c.State != tend.StateDone && c.State != tend.StateSuspended && !leaving(c)
}

// plight says what is the matter with a service.
func plight(c tend.ServiceStatus) string {
	text := c.Path + " is " + c.State.String()
	switch {
	case c.WaitingFor != "" && c.HeldBy != "":
		text += ", waits for " + c.WaitingFor + ", held by " + c.HeldBy
	case c.WaitingFor != "":
		text += ", waits for " + c.WaitingFor
	}
	if n := len(c.Failures); n > 0 {
		text += " (" + said.Short(c.Failures[n-1].Err, maxFailure) + ")"
	}
	return text
}

// remainder is what is left of a tree that stops, in one line.
func remainder(s tend.Status) string {
	left := 0
	for c := range services(s) {
		if c.State == tend.StateStarting || c.State == tend.StateRunning || hasToReturn(c) {
			left++
		}
	}
	text := said.Times(left, "service") + " left"
	if names := plights(s, hasToReturn); names != "" {
		text += ": " + names
	}
	return text
}

// hasToReturn: it was asked to stop.
func hasToReturn(c tend.ServiceStatus) bool {
	return c.State == tend.StateStopping || c.State == tend.StateStuck
}

// summary is the state of the tree in one line.
func summary(s tend.Status) string {
	var run, all int
	for c := range services(s) {
		if wanted(c) {
			all++
		}
		if c.State == tend.StateRunning {
			run++
		}
	}
	text := fmt.Sprintf("%d of %d services run", run, all)
	if err := Ready(s); err != nil && s.Serving {
		text += ": " + err.Error()
	}
	return text
}
