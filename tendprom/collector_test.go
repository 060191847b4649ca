package tendprom

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/survey/surveytest"
)

// exposition is what a scrape gets.
func exposition(t *testing.T, c *Collector) string {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(c); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&b, f); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// samples are the lines of an exposition that are no comments, and match.
func samples(text string, match ...string) (list []string) {
	for line := range strings.Lines(text) {
		for _, m := range match {
			if !strings.HasPrefix(line, "#") && strings.Contains(line, m) {
				list = append(list, strings.TrimSpace(line))
			}
		}
	}
	return list
}

func TestCollector(t *testing.T) {
	got := exposition(t, newCollector(surveytest.Shop(), Options{}))
	want := `tend_escalations_total{supervisor="shop"} 0
tend_escalations_total{supervisor="shop/db"} 0
tend_events_dropped_total 0
tend_failures_total{supervisor="shop"} 1
tend_failures_total{supervisor="shop/db"} 11
tend_gave_up_total{supervisor="shop"} 0
tend_gave_up_total{supervisor="shop/db"} 0
tend_mailbox_full_ratio{supervisor="shop/db"} 0.75
tend_mailbox_handling_age_seconds{supervisor="shop/db"} 5
tend_mailbox_lost_total{supervisor="shop/db"} 0
tend_mailbox_messages{supervisor="shop/db"} 3
tend_mailbox_oldest_age_seconds{supervisor="shop/db"} 20
tend_mailbox_open_questions{supervisor="shop/db"} 2
tend_pauses_total{supervisor="shop"} 0
tend_pauses_total{supervisor="shop/db"} 0
tend_restarts_total{supervisor="shop"} 2
tend_restarts_total{supervisor="shop/db"} 8
tend_services{state="backoff",supervisor="shop"} 0
tend_services{state="backoff",supervisor="shop/db"} 1
tend_services{state="done",supervisor="shop"} 0
tend_services{state="done",supervisor="shop/db"} 0
tend_services{state="failed",supervisor="shop"} 0
tend_services{state="failed",supervisor="shop/db"} 1
tend_services{state="pending",supervisor="shop"} 0
tend_services{state="pending",supervisor="shop/db"} 0
tend_services{state="running",supervisor="shop"} 2
tend_services{state="running",supervisor="shop/db"} 1
tend_services{state="starting",supervisor="shop"} 0
tend_services{state="starting",supervisor="shop/db"} 0
tend_services{state="stopping",supervisor="shop"} 0
tend_services{state="stopping",supervisor="shop/db"} 0
tend_services{state="stuck",supervisor="shop"} 0
tend_services{state="stuck",supervisor="shop/db"} 0
tend_services{state="suspended",supervisor="shop"} 0
tend_services{state="suspended",supervisor="shop/db"} 0
tend_stop_duration_seconds_bucket{le="0.01"} 0
tend_stop_duration_seconds_bucket{le="0.1"} 0
tend_stop_duration_seconds_bucket{le="0.5"} 0
tend_stop_duration_seconds_bucket{le="1"} 0
tend_stop_duration_seconds_bucket{le="2.5"} 0
tend_stop_duration_seconds_bucket{le="5"} 0
tend_stop_duration_seconds_bucket{le="10"} 0
tend_stop_duration_seconds_bucket{le="30"} 0
tend_stop_duration_seconds_bucket{le="60"} 0
tend_stop_duration_seconds_bucket{le="+Inf"} 0
tend_stop_duration_seconds_sum 0
tend_stop_duration_seconds_count 0
tend_stuck_total{supervisor="shop"} 0
tend_stuck_total{supervisor="shop/db"} 0
tend_supervisor_failure_level{supervisor="shop"} 1.5
tend_supervisor_failure_level{supervisor="shop/db"} 5.5
tend_supervisor_failure_threshold{supervisor="shop"} 5
tend_supervisor_failure_threshold{supervisor="shop/db"} 6
tend_supervisor_paused{supervisor="shop"} 0
tend_supervisor_paused{supervisor="shop/db"} 1
tend_supervisor_ready{supervisor="shop"} 1
tend_supervisor_ready{supervisor="shop/db"} 0
tend_supervisor_serving{supervisor="shop"} 1
tend_supervisor_serving{supervisor="shop/db"} 1
tend_supervisors_left_out 0
tend_unstopped_services 1`
	if diff := cmp.Diff(strings.Split(want, "\n"), samples(got, "tend_")); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestServices(t *testing.T) {
	got := exposition(t, newCollector(surveytest.Shop(), Options{Services: func(s tend.ServiceStatus) bool { return s.Name != "web" }}))
	want := `tend_service_failure_limit{service="lag",supervisor="shop/db"} 3
tend_service_failures_total{service="conn",supervisor="shop/db"} 8
tend_service_failures_total{service="db",supervisor="shop"} 0
tend_service_failures_total{service="lag",supervisor="shop/db"} 3
tend_service_mailbox_handling_age_seconds{service="conn",supervisor="shop/db"} 5
tend_service_mailbox_messages{service="conn",supervisor="shop/db"} 3
tend_service_mailbox_oldest_age_seconds{service="conn",supervisor="shop/db"} 20
tend_service_recent_failures{service="lag",supervisor="shop/db"} 3
tend_service_restarts_total{service="conn",supervisor="shop/db"} 8
tend_service_restarts_total{service="db",supervisor="shop"} 0
tend_service_restarts_total{service="lag",supervisor="shop/db"} 0
tend_service_start_timestamp_seconds{service="conn",supervisor="shop/db"} 1.7673552015e+09
tend_service_state{service="conn",state="backoff",supervisor="shop/db"} 1
tend_service_state{service="conn",state="running",supervisor="shop/db"} 1
tend_service_state{service="db",state="running",supervisor="shop"} 1
tend_service_state{service="lag",state="failed",supervisor="shop/db"} 1
tend_service_state_timestamp_seconds{service="conn",supervisor="shop/db"} 1.76735514e+09
tend_service_state_timestamp_seconds{service="db",supervisor="shop"} 1.7673552e+09
tend_service_state_timestamp_seconds{service="lag",supervisor="shop/db"} 1.7673552e+09
tend_service_up{service="conn",supervisor="shop/db"} 0
tend_service_up{service="db",supervisor="shop"} 1
tend_service_up{service="lag",supervisor="shop/db"} 0`
	if diff := cmp.Diff(strings.Split(want, "\n"), samples(got, "tend_service_")); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// What is further below is counted with the supervisor above it.
func TestDepth(t *testing.T) {
	got := exposition(t, newCollector(surveytest.Shop(), Options{Depth: 1, Services: func(s tend.ServiceStatus) bool { return s.Name == "conn" }}))
	if strings.Contains(got, "shop/db") {
		t.Errorf("there are series of a supervisor at depth 2:\n%s", got)
	}
	if diff := cmp.Diff([]string{
		`tend_escalations_total{supervisor="shop"} 0`,
		`tend_failures_total{supervisor="shop"} 12`,
		`tend_gave_up_total{supervisor="shop"} 0`,
		`tend_mailbox_lost_total{supervisor="shop"} 0`,
		`tend_pauses_total{supervisor="shop"} 0`,
		`tend_restarts_total{supervisor="shop"} 10`,
		`tend_service_up{service="conn",supervisor="shop"} 0`,
		`tend_services{state="running",supervisor="shop"} 3`,
		`tend_stuck_total{supervisor="shop"} 0`,
	}, samples(got, "_total{supervisor", "service_up", `tend_services{state="running"`)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// Services of one name are up, which is 1, while all of them are.
func TestNamesakes(t *testing.T) {
	p := surveytest.Shop()
	c := newCollector(p, Options{Services: func(s tend.ServiceStatus) bool { return s.Name == "conn" }})
	conns := p.Root.Services[1].Supervisor.Services
	for _, test := range []struct {
		a, b tend.State
		want string
	}{
		{tend.StateRunning, tend.StateRunning, "1"},
		{tend.StateRunning, tend.StateDone, "0"},
		{tend.StateBackoff, tend.StateRunning, "0"},
		{tend.StateStuck, tend.StateFailed, "0"},
	} {
		conns[0].State, conns[1].State = test.a, test.b
		got := samples(exposition(t, c), "tend_service_up")
		if diff := cmp.Diff([]string{`tend_service_up{service="conn",supervisor="shop/db"} ` + test.want}, got); diff != "" {
			t.Errorf("%v and %v: -want +got\n%s", test.a, test.b, diff)
		}
	}
}

// A program with a supervisor for each of 10,000 tenants is scraped as it comes.
func TestTenThousandTenants(t *testing.T) {
	root := tend.New("root", tend.Spec{})
	for i := range 10_000 {
		root.Add(tend.New(strconv.Itoa(i), tend.Spec{}))
	}
	got := samples(exposition(t, NewCollector(root, Options{})), "tend_")
	if len(got) > 11_000 || !slices.Contains(got, "tend_supervisors_left_out 9501") || !slices.Contains(got, `tend_services{state="pending",supervisor="root"} 10000`) {
		t.Errorf("there are %d lines, %q", len(got), samples(strings.Join(got, "\n"), "left_out", `pending",supervisor="root"`))
	}
	for most, want := range map[int]string{1: "10000", 10_001: "0", -1: "0"} {
		got := samples(exposition(t, NewCollector(root, Options{MaxSupervisors: most})), "left_out")
		if diff := cmp.Diff([]string{"tend_supervisors_left_out " + want}, got); diff != "" {
			t.Errorf("%d: -want +got\n%s", most, diff)
		}
	}
}

// A tree lives through all that a scrape a minute does not see.
func TestBetweenTwoScrapes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := tend.New("root", tend.Spec{Jitter: -1, EventHook: func(tend.Event) {}})
		c := NewCollector(root, Options{})
		const each = 4
		pausing := tend.New("pausing", tend.Spec{FailureThreshold: 3, FailureBackoff: 15 * time.Second})
		pausing.Add(failing("f", each))
		escalating := tend.New("escalating", tend.Spec{FailureThreshold: 3, Escalate: true})
		escalating.Add(failing("f", each))
		root.Add(pausing)
		root.Add(escalating)
		root.Add(tend.Child{Service: failing("giving up", each), Limit: tend.Limit{N: 2}})
		slow := root.Add(tend.Child{Timeout: 2 * time.Second, Service: tend.Func("slow", func(ctx context.Context) error {
			<-ctx.Done()
			time.Sleep(20 * time.Second)
			return nil
		})})
		ctx, stop := context.WithCancel(t.Context())
		ended := root.ServeBackground(ctx)
		synctest.Wait()
		if err := root.Remove(slow); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		want := []string{
			`tend_escalations_total{supervisor="root"} 0`, `tend_escalations_total{supervisor="root/escalating"} 1`, `tend_escalations_total{supervisor="root/pausing"} 0`,
			`tend_events_dropped_total 0`,
			`tend_gave_up_total{supervisor="root"} 1`, `tend_gave_up_total{supervisor="root/escalating"} 0`, `tend_gave_up_total{supervisor="root/pausing"} 0`,
			`tend_pauses_total{supervisor="root"} 0`, `tend_pauses_total{supervisor="root/escalating"} 0`, `tend_pauses_total{supervisor="root/pausing"} 1`,
			`tend_stop_duration_seconds_bucket{le="10"} 0`, `tend_stop_duration_seconds_bucket{le="30"} 1`,
			`tend_stuck_total{supervisor="root"} 1`, `tend_stuck_total{supervisor="root/escalating"} 0`, `tend_stuck_total{supervisor="root/pausing"} 0`,
			`tend_supervisor_paused{supervisor="root"} 0`, `tend_supervisor_paused{supervisor="root/escalating"} 0`, `tend_supervisor_paused{supervisor="root/pausing"} 0`,
		}
		got := samples(exposition(t, c), "pause", "escalations", "gave_up", "stuck_total", "dropped", `le="10"`, `le="30"`)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
		stop()
		<-ended
	})
}

// failing makes a service that fails so often, and then runs.
func failing(name string, times int) tend.Service {
	return tend.Func(name, func(ctx context.Context) error {
		if times--; times >= 0 {
			return errors.New("no")
		}
		<-ctx.Done()
		return nil
	})
}

// Paths need not be unique either: the worst counts.
func TestSamePath(t *testing.T) {
	twin := func(started bool, level float64) tend.ServiceStatus {
		return tend.ServiceStatus{
			Name: "twin", Token: surveytest.Tokens(1)[0], State: tend.StateRunning,
			Supervisor: &tend.Status{Path: "root/twin", Serving: true, Started: started, Count: level, Threshold: 5},
		}
	}
	p := &surveytest.Picture{Root: tend.Status{Path: "root", Serving: true, Threshold: 5, Services: []tend.ServiceStatus{twin(true, 1), twin(false, 3), twin(true, 2)}}}
	got := exposition(t, newCollector(p, Options{}))
	if diff := cmp.Diff([]string{
		`tend_supervisor_failure_level{supervisor="root/twin"} 3`,
		`tend_supervisor_ready{supervisor="root/twin"} 0`,
	}, samples(got, `level{supervisor="root/twin"`, `ready{supervisor="root/twin"`)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// The gauge of readiness is what probes go by.
func TestReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		surveytest.Readiness(t, func(shop *tend.Supervisor) func() map[string]bool {
			c := NewCollector(shop, Options{})
			return func() map[string]bool {
				text := exposition(t, c)
				ready := map[string]bool{}
				for _, path := range []string{"shop", "shop/db"} {
					ready[path] = strings.Contains(text, `tend_supervisor_ready{supervisor="`+path+"\"} 1\n")
				}
				return ready
			}
		})
	})
}

// Totals never go back while their series is there, whatever leaves.
func TestTotals(t *testing.T) {
	p := surveytest.Shop()
	c := newCollector(p, Options{Services: func(s tend.ServiceStatus) bool { return s.Name == "conn" }})
	look := func() []string {
		return samples(exposition(t, c), `tend_failures_total`, `tend_service_failures_total{service="conn"`, `tend_restarts_total{supervisor="shop"}`)
	}
	look()
	db := p.Root.Services[1].Supervisor
	db.Services[0].Failed += 5                         // 13 conn
	db.Services = db.Services[:2]                      // lag, with its 3, has left
	p.Root.Services[0].Failed = 0                      // another web …
	p.Root.Services[0].Token = surveytest.Tokens(1)[0] // … in the place of the one with 1
	want := []string{
		`tend_failures_total{supervisor="shop"} 1`,
		`tend_failures_total{supervisor="shop/db"} 16`,
		`tend_restarts_total{supervisor="shop"} 4`, // 2 of the web that has left, 2 of the new one
		`tend_service_failures_total{service="conn",supervisor="shop/db"} 13`,
	}
	for range 2 { // nothing more has happened the second time
		if diff := cmp.Diff(want, look()); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	}
	db.Services = db.Services[1:] // the conn with all the failures has left
	if diff := cmp.Diff(want, look()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	db.Services = nil
	if diff := cmp.Diff(want[:3], look()); diff != "" {
		t.Errorf("without conn: -want +got\n%s", diff)
	}
	p.Root.Services = p.Root.Services[:1]
	if diff := cmp.Diff([]string{want[0], want[2]}, look()); diff != "" {
		t.Errorf("without db: -want +got\n%s", diff)
	}
}

// A service that is chosen later has all of its past.
func TestChosenLater(t *testing.T) {
	chosen := false
	c := newCollector(surveytest.Shop(), Options{Services: func(s tend.ServiceStatus) bool { return chosen && s.Name == "lag" }})
	exposition(t, c)
	chosen = true
	for range 2 {
		if diff := cmp.Diff([]string{
			`tend_failures_total{supervisor="shop/db"} 11`,
			`tend_service_failures_total{service="lag",supervisor="shop/db"} 3`,
		}, samples(exposition(t, c), `failures_total{supervisor="shop/db"`, `failures_total{service="lag"`)); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	}
}

// Names are Prometheus' own conventions, as its linter knows them.
func TestLint(t *testing.T) {
	text := exposition(t, newCollector(surveytest.Shop(), Options{Services: func(tend.ServiceStatus) bool { return true }}))
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// All metrics are described, documented and, by shop, made.
func TestDocumented(t *testing.T) {
	text := exposition(t, newCollector(surveytest.Shop(), Options{Services: func(tend.ServiceStatus) bool { return true }}))
	doc := read(t, "doc.go")
	for _, m := range append(slices.Clone(all), metric{name: stopsName}) {
		if !strings.Contains(text, "\n"+m.name+"{") && !strings.Contains(text, "\n"+m.name+" ") && !strings.Contains(text, "\n"+m.name+"_bucket{") {
			t.Errorf("%s is never made", m.name)
		}
		if !strings.Contains(doc, "//\t"+m.name+" ") {
			t.Errorf("%s is not in doc.go", m.name)
		}
	}
}

func TestNewCollectorPanics(t *testing.T) {
	for want, f := range map[string]func(){
		"tend/tendprom: the supervisor is nil": func() { NewCollector(nil, Options{}) },
		"tend/tendprom: Options.Depth is -1":   func() { NewCollector(tend.New("x", tend.Spec{}), Options{Depth: -1}) },
	} {
		func() {
			defer func() {
				if got := recover(); got != want {
					t.Errorf("panicked with %v, want %q", got, want)
				}
			}()
			f()
		}()
	}
}
