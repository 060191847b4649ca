package app

import (
	"fmt"
	"strings"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/said"
)

// statusLine is the line that systemctl status shows: of a program in a phase,
// whose tree is as it is, or does not answer because of a problem, and is live or
// not.
func statusLine(now phase, tree tend.Status, problem, live error) string {
	var text string
	switch {
	case problem != nil:
		text = problem.Error()
	case live != nil:
		text = "not live: " + said.Text(live)
	case now == ending:
		text = remainder(tree)
	default:
		text = summary(tree)
	}
	return [...]string{"starting: ", "", "stopping: "}[now] + text
}

// summary says how many of the services run that should, and what is the matter
// with the others: first with those because of which the tree is not ready.
func summary(s tend.Status) string {
	run, all := s.Idle, s.Idle
	for _, c := range s.All() {
		if c.Supervisor != nil {
			run += c.Supervisor.Idle
			all += c.Supervisor.Idle
		}
		if !c.Wanted {
			continue
		}
		all++
		if c.State == tend.StateRunning {
			run++
		}
	}
	text := fmt.Sprintf("%d of %d services run", run, all)
	if err := s.Ready(); err != nil && s.Started {
		return text + ", not ready: " + err.Error()
	}
	if err := s.AllRunning(); err != nil && s.Serving {
		return text + ": " + err.Error()
	}
	return text
}

// maxNamed is how many services a text names.
const maxNamed = 5

// remainder is what is left of a tree that stops: how many services, and which have
// been asked to go.
func remainder(s tend.Status) string {
	var named []string
	left := 0
	for _, c := range s.All() {
		if !isLeft(c) {
			continue
		}
		left++
		if c.State == tend.StateStopping || c.State == tend.StateStuck {
			named = append(named, fmt.Sprintf("%s is %s for %s", c.Path, c.State, said.Age(s.Time.Sub(c.Since))))
		}
	}
	if more := len(named) - maxNamed; more > 0 {
		named = append(named[:maxNamed], fmt.Sprintf("and %d more", more))
	}
	text := said.Times(left, "service") + " left"
	if len(named) > 0 {
		text += ": " + strings.Join(named, "; ")
	}
	return text
}

// isLeft: it has not returned.
func isLeft(c *tend.ServiceStatus) bool {
	return (c.State == tend.StateRunning || isBetween(c.State)) && isLast(c)
}
