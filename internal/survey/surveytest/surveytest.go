// Package surveytest has trees for tests of what package survey looks at.
package surveytest

import (
	"context"
	"time"

	"github.com/tend-go/tend"
)

// Picture is a tree that does not change by itself.
type Picture struct {
	Root      tend.Status
	Unstopped int

	hooks []func(tend.Event)
}

// AddHook has f called by Tell.
func (p *Picture) AddHook(f func(tend.Event)) (remove func()) {
	p.hooks = append(p.hooks, f)
	return func() { p.hooks = nil } // one is enough for a test
}

// Tell tells all hooks what has happened.
func (p *Picture) Tell(events ...tend.Event) {
	for _, e := range events {
		for _, hook := range p.hooks {
			hook(e)
		}
	}
}

// Status returns Root.
func (p *Picture) Status() tend.Status { return p.Root }

// UnstoppedServices returns as many as Unstopped says, of which nothing is known.
func (p *Picture) UnstoppedServices() []tend.ServiceStuck {
	return make([]tend.ServiceStuck, p.Unstopped)
}

// Tokens are those of so many services.
func Tokens(n int) (list []tend.ServiceToken) {
	s := tend.New("tokens", tend.Spec{})
	for range n {
		list = append(list, s.Add(tend.Func("x", func(context.Context) error { return nil })))
	}
	return list
}

// Noon is the time of [Shop].
var Noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// Shop is a tree with some of everything. It is ready, and what is below it is not.
func Shop() *Picture {
	id := Tokens(6)
	return &Picture{Unstopped: 1, Root: tend.Status{
		Path: "shop", Time: Noon, Serving: true, Started: true, Count: 1.5, Threshold: 5, Services: []tend.ServiceStatus{
			{Name: "web", Token: id[0], State: tend.StateRunning, Wanted: true, Since: Noon, Restarts: 2, Failed: 1},
			{Name: "db", Token: id[1], State: tend.StateRunning, Wanted: true, Since: Noon, Supervisor: &tend.Status{
				Path: "shop/db", Time: Noon, Serving: true, Started: true, Count: 5.5, Threshold: 6, PausedUntil: Noon, Services: []tend.ServiceStatus{
					{Name: "conn", Token: id[2], State: tend.StateBackoff, Wanted: true, Since: Noon, WaitingUntil: Noon.Add(1500 * time.Millisecond), Restarts: 7, Failed: 8},
					{Name: "conn", Token: id[3], State: tend.StateRunning, Wanted: true, Since: Noon.Add(-time.Minute), Restarts: 1, Mailbox: &tend.Mailbox{
						Waiting: 3, Size: 4, Open: 2, Oldest: Noon.Add(-20 * time.Second), Handling: Noon.Add(-5 * time.Second),
					}},
					{Name: "lag", Token: id[4], State: tend.StateFailed, Wanted: true, Since: Noon, Failed: 3, Recent: 3, Limit: tend.Limit{N: 3}},
					{Name: "late", Token: id[5], State: tend.StateGone, Since: Noon},
				},
			}},
		},
	}}
}
