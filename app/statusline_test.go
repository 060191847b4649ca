package app

import (
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
)

// noon is when the trees of these tests were asked; all has been as it is for a
// minute.
var noon = time.Date(2000, 1, 1, 12, 0, 0, 0, time.UTC)

// sup is a supervisor with services at path that is served and has been up.
func sup(path string, services ...tend.ServiceStatus) tend.Status {
	return tend.Status{Path: path, Serving: true, Started: true, Time: noon, Services: services}
}

// svc is a service that should run.
func svc(path string, state tend.State) tend.ServiceStatus {
	return tend.ServiceStatus{Path: path, State: state, Since: noon.Add(-time.Minute), Wanted: true}
}

// unwanted is one that should not.
func unwanted(path string, state tend.State) tend.ServiceStatus {
	c := svc(path, state)
	c.Wanted = false
	return c
}

// below is a supervisor, or what serves one, as a service of the one above.
func below(s tend.Status, state tend.State) tend.ServiceStatus {
	c := svc(s.Path, state)
	c.Supervisor = &s
	return c
}

// unserved is s while nobody serves it.
func unserved(s tend.Status) tend.Status {
	s.Serving, s.Started = false, false
	return s
}

func many(n int, state tend.State) (list []tend.ServiceStatus) {
	for i := range n {
		list = append(list, svc(fmt.Sprintf("root/%d", i), state))
	}
	return list
}

func TestSummary(t *testing.T) {
	db := svc("root/db", tend.StateRunning)
	failed := svc("root/a", tend.StateFailed)
	failed.Failures = []tend.Failure{{Err: tend.Reason{Err: io.EOF, Text: "EOF"}}}
	starting := sup("root", db, svc("root/a", tend.StateStarting))
	starting.Started = false
	temporary := svc("root/a", tend.StateStarting)
	temporary.Restart = tend.Temporary
	for name, test := range map[string]struct {
		tree tend.Status
		want string
	}{
		"nothing":    {sup("root"), "0 of 0 services run"},
		"not served": {unserved(sup("root", svc("root/a", tend.StatePending))), "0 of 1 services run"},
		"all well":   {sup("root", db, below(sup("root/web", svc("root/web/a", tend.StateRunning)), tend.StateRunning)), "3 of 3 services run"},
		"members that are not listed": {
			crowded(sup("root", db, below(crowded(sup("root/g", svc("root/g/1", tend.StateBackoff)), 5), tend.StateRunning)), 2),
			"9 of 10 services run: root/g/1 is in backoff for 1m0s",
		},
		"starting": {starting, "1 of 2 services run: root/a is starting for 1m0s"},
		"down on purpose": {
			sup("root", db, unwanted("root/a", tend.StateDone), unwanted("root/b", tend.StateSuspended), unwanted("root/c", tend.StateStopping)),
			"1 of 1 services run",
		},
		"a Temporary one starts": {sup("root", db, temporary), "1 of 2 services run"},
		"gave up":                {sup("root", db, failed), "1 of 2 services run, not ready: root/a has failed for 1m0s (EOF)"},
		"in trouble below, where it takes nothing out of service": {
			sup("root", db, below(sup("root/web", svc("root/web/a", tend.StateBackoff)), tend.StateRunning)),
			"2 of 3 services run: root/web/a is in backoff for 1m0s",
		},
		"a supervisor that is down": {
			sup("root", db, below(unserved(sup("root/web", svc("root/web/a", tend.StatePending))), tend.StateBackoff)),
			"1 of 3 services run, not ready: root/web is in backoff for 1m0s",
		},
	} {
		if diff := cmp.Diff(test.want, summary(test.tree)); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
}

// crowded is s with so many services more that are not listed.
func crowded(s tend.Status, idle int) tend.Status {
	s.Idle = idle
	return s
}

func TestRemainder(t *testing.T) {
	for name, test := range map[string]struct {
		tree tend.Status
		want string
	}{
		"nothing":    {sup("root", svc("root/a", tend.StatePending), svc("root/b", tend.StateDone)), "0 services left"},
		"their turn": {sup("root", svc("root/a", tend.StateRunning), svc("root/b", tend.StateStopping)), "2 services left: root/b is stopping for 1m0s"},
		"below": {
			sup("root", below(sup("root/web", svc("root/web/a", tend.StateStuck)), tend.StateStopping)),
			"1 service left: root/web/a is stuck for 1m0s",
		},
		"what serves a supervisor that has stopped": {
			sup("root", below(unserved(sup("root/web", svc("root/web/a", tend.StatePending))), tend.StateStopping)),
			"1 service left: root/web is stopping for 1m0s",
		},
		"many": {
			sup("root", many(7, tend.StateStopping)...),
			"7 services left: root/0 is stopping for 1m0s; root/1 is stopping for 1m0s; root/2 is stopping for 1m0s; " +
				"root/3 is stopping for 1m0s; root/4 is stopping for 1m0s; and 2 more",
		},
	} {
		if diff := cmp.Diff(test.want, remainder(test.tree)); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
}
