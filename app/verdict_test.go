package app

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
)

// sup is a supervisor with services at path that is served.
func sup(path string, services ...tend.ServiceStatus) tend.Status {
	return tend.Status{Path: path, Serving: true, Services: services}
}

func svc(path string, state tend.State) tend.ServiceStatus {
	return tend.ServiceStatus{Path: path, State: state}
}

func below(s tend.Status, state tend.State) tend.ServiceStatus {
	return tend.ServiceStatus{Path: s.Path, State: state, Supervisor: &s}
}

func with(c tend.ServiceStatus, change func(c *tend.ServiceStatus)) tend.ServiceStatus {
	change(&c)
	return c
}

func stoppingFor(err error) func(*tend.ServiceStatus) {
	return func(c *tend.ServiceStatus) { c.Stopping = err.Error() }
}

func TestVerdicts(t *testing.T) {
	db := svc("root/db", tend.StateRunning)
	for _, test := range []struct {
		name        string
		tree        tend.Status
		live, ready string
		summary     string
	}{
		{
			"nothing", sup("root"),
			"", "", "0 of 0 services run",
		},
		{
			"not served",
			tend.Status{Path: "root", Services: []tend.ServiceStatus{svc("root/a", tend.StatePending)}},
			"root is not served", "root is not served", "0 of 1 services run",
		},
		{
			"all well", sup("root", db, below(sup("root/web", svc("root/web/a", tend.StateRunning)), tend.StateRunning)),
			"", "", "2 of 2 services run",
		},
		{
			"down on purpose", sup("root", db, svc("root/a", tend.StateDone), svc("root/b", tend.StateSuspended)),
			"", "", "1 of 1 services run",
		},
		{
			"on the way out", sup("root", db,
				with(svc("root/a", tend.StateStopping), stoppingFor(tend.ErrRemoved)),
				with(svc("root/b", tend.StateStuck), stoppingFor(tend.ErrSuspended))),
			"", "", "1 of 1 services run",
		},
		{
			"stuck", sup("root", db, with(svc("root/a", tend.StateStuck), func(c *tend.ServiceStatus) {
				c.Stopping, c.WaitingFor = tend.ErrRestartRequested.Error(), "its last run to end"
			})),
			"root/a is stuck, waits for its last run to end", "root/a is stuck, waits for its last run to end",
			"1 of 2 services run: root/a is stuck, waits for its last run to end",
		},
		{
			"gave up", sup("root", db, with(svc("root/a", tend.StateFailed), func(c *tend.ServiceStatus) {
				c.Failures = []tend.Failure{{Err: "first"}, {Err: "no such host"}}
			})),
			"", "root/a is failed (no such host)", "1 of 2 services run: root/a is failed (no such host)",
		},
		{
			"below", sup("root", db, below(sup("root/web", with(svc("root/web/a", tend.StatePending), func(c *tend.ServiceStatus) {
				c.WaitingFor, c.HeldBy = "its turn", "root/web/b"
			})), tend.StateStarting)),
			"", "root/web/a is pending, waits for its turn, held by root/web/b",
			"1 of 2 services run: root/web/a is pending, waits for its turn, held by root/web/b",
		},
		{
			"a supervisor that is down counts as one", sup("root", db,
				below(tend.Status{Path: "root/web", Services: []tend.ServiceStatus{svc("root/web/a", tend.StatePending)}}, tend.StateBackoff)),
			"", "root/web is backoff", "1 of 2 services run: root/web is backoff",
		},
		{
			"many", sup("root", many(7)...),
			"", "root/0 is backoff; root/1 is backoff; root/2 is backoff; root/3 is backoff; root/4 is backoff; and 2 more",
			"0 of 7 services run: root/0 is backoff; root/1 is backoff; root/2 is backoff; root/3 is backoff; root/4 is backoff; and 2 more",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := []string{text(Live(test.tree)), text(Ready(test.tree)), summary(test.tree)}
			if diff := cmp.Diff([]string{test.live, test.ready, test.summary}, got); diff != "" {
				t.Errorf("live, ready, summary: -want +got\n%s", diff)
			}
		})
	}
}

func many(n int) (list []tend.ServiceStatus) {
	for i := range n {
		list = append(list, svc(fmt.Sprintf("root/%d", i), tend.StateBackoff))
	}
	return list
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
