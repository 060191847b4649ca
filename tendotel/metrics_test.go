package tendotel

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/survey"
	"github.com/tend-go/tend/internal/survey/surveytest"
)

// collect has a tree observed, and returns lines "name{attributes} value", but for
// numbers of services that are 0.
func collect(t *testing.T, reader sdk.Reader) (lines []string) {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				lines = append(lines, points(m, data.DataPoints)...)
			case metricdata.Gauge[int64]:
				lines = append(lines, points(m, data.DataPoints)...)
			case metricdata.Gauge[float64]:
				lines = append(lines, points(m, data.DataPoints)...)
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					lines = append(lines, fmt.Sprintf("%s{} %d in %v", strings.TrimPrefix(m.Name, "tend."), p.Count, p.Sum))
				}
			default:
				t.Errorf("%s is a %T", m.Name, m.Data)
			}
		}
	}
	slices.Sort(lines)
	return lines
}

func points[N int64 | float64](m metricdata.Metrics, data []metricdata.DataPoint[N]) (lines []string) {
	for _, p := range data {
		if p.Value == 0 && m.Name == "tend.service.count" {
			continue
		}
		attrs := p.Attributes.Encoded(attribute.DefaultEncoder())
		lines = append(lines, fmt.Sprintf("%s{%s} %v", strings.TrimPrefix(m.Name, "tend."), strings.ReplaceAll(attrs, "tend.", ""), p.Value))
	}
	return lines
}

func observed(t *testing.T, tree survey.Tree, o MetricOptions) (sdk.Reader, func() error) {
	t.Helper()
	reader := sdk.NewManualReader()
	o.Provider = sdk.NewMeterProvider(sdk.WithReader(reader))
	registration, err := observe(tree, o)
	if err != nil {
		t.Fatal(err)
	}
	return reader, registration.Unregister
}

func TestMetrics(t *testing.T) {
	reader, unregister := observed(t, surveytest.Shop(), MetricOptions{})
	if diff := cmp.Diff([]string{
		"event.dropped{} 0",
		"mailbox.full{supervisor.path=shop/db} 0.75",
		"mailbox.handling.age{supervisor.path=shop/db} 5",
		"mailbox.lost{supervisor.path=shop/db} 0",
		"mailbox.messages{supervisor.path=shop/db} 3",
		"mailbox.oldest.age{supervisor.path=shop/db} 20",
		"mailbox.questions{supervisor.path=shop/db} 2",
		"service.count{service.state=backoff,supervisor.path=shop/db} 1",
		"service.count{service.state=failed,supervisor.path=shop/db} 1",
		"service.count{service.state=running,supervisor.path=shop/db} 1",
		"service.count{service.state=running,supervisor.path=shop} 2",
		"service.failures{supervisor.path=shop/db} 11",
		"service.failures{supervisor.path=shop} 1",
		"service.gave_up{supervisor.path=shop/db} 0",
		"service.gave_up{supervisor.path=shop} 0",
		"service.restarts{supervisor.path=shop/db} 8",
		"service.restarts{supervisor.path=shop} 2",
		"service.stuck{supervisor.path=shop/db} 0",
		"service.stuck{supervisor.path=shop} 0",
		"service.unstopped{} 1",
		"supervisor.escalations{supervisor.path=shop/db} 0",
		"supervisor.escalations{supervisor.path=shop} 0",
		"supervisor.failure.level{supervisor.path=shop/db} 5.5",
		"supervisor.failure.level{supervisor.path=shop} 1.5",
		"supervisor.failure.threshold{supervisor.path=shop/db} 6",
		"supervisor.failure.threshold{supervisor.path=shop} 5",
		"supervisor.left_out{} 0",
		"supervisor.paused{supervisor.path=shop/db} 1",
		"supervisor.paused{supervisor.path=shop} 0",
		"supervisor.pauses{supervisor.path=shop/db} 0",
		"supervisor.pauses{supervisor.path=shop} 0",
		"supervisor.ready{supervisor.path=shop/db} 0",
		"supervisor.ready{supervisor.path=shop} 1",
		"supervisor.serving{supervisor.path=shop/db} 1",
		"supervisor.serving{supervisor.path=shop} 1",
	}, collect(t, reader)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if err := unregister(); err != nil {
		t.Error(err)
	}
	if got := collect(t, reader); len(got) > 0 {
		t.Errorf("after Unregister: %q", got)
	}
}

// Chosen services have sets of their own, and the sums stay what they are.
func TestMetricsOfServices(t *testing.T) {
	reader, _ := observed(t, surveytest.Shop(), MetricOptions{Services: func(s tend.ServiceStatus) bool { return s.Name != "web" && s.Name != "db" }})
	var got []string
	for _, line := range collect(t, reader) {
		if strings.HasPrefix(line, "service.") {
			got = append(got, line)
		}
	}
	if diff := cmp.Diff([]string{
		"service.count{service.name=conn,service.state=backoff,supervisor.path=shop/db} 1",
		"service.count{service.name=conn,service.state=running,supervisor.path=shop/db} 1",
		"service.count{service.name=lag,service.state=failed,supervisor.path=shop/db} 1",
		"service.count{service.state=running,supervisor.path=shop} 2",
		"service.failure.limit{service.name=lag,supervisor.path=shop/db} 3",
		"service.failure.recent{service.name=lag,supervisor.path=shop/db} 3",
		"service.failures{service.name=conn,supervisor.path=shop/db} 8",
		"service.failures{service.name=lag,supervisor.path=shop/db} 3",
		"service.failures{supervisor.path=shop/db} 0",
		"service.failures{supervisor.path=shop} 1",
		"service.gave_up{supervisor.path=shop/db} 0",
		"service.gave_up{supervisor.path=shop} 0",
		"service.restarts{service.name=conn,supervisor.path=shop/db} 8",
		"service.restarts{service.name=lag,supervisor.path=shop/db} 0",
		"service.restarts{supervisor.path=shop/db} 0",
		"service.restarts{supervisor.path=shop} 2",
		"service.start.delay{service.name=conn,supervisor.path=shop/db} 1.5",
		"service.state.duration{service.name=conn,supervisor.path=shop/db} 60",
		"service.state.duration{service.name=lag,supervisor.path=shop/db} 0",
		"service.stuck{supervisor.path=shop/db} 0",
		"service.stuck{supervisor.path=shop} 0",
		"service.unstopped{} 1",
	}, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// A service that is chosen later takes all of its past along.
func TestMetricsChosenLater(t *testing.T) {
	chosen := false
	reader, _ := observed(t, surveytest.Shop(), MetricOptions{Services: func(s tend.ServiceStatus) bool { return chosen && s.Name == "lag" }})
	collect(t, reader)
	chosen = true
	for range 2 {
		if got := collect(t, reader); !slices.Contains(got, "service.failures{service.name=lag,supervisor.path=shop/db} 3") {
			t.Errorf("got %s", strings.Join(got, "\n"))
		}
	}
}

// Of a supervisor there are all states, also at 0, or an alert would have nothing to
// look at.
func TestMetricsOfAllStates(t *testing.T) {
	reader, _ := observed(t, surveytest.Shop(), MetricOptions{})
	var all metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	for _, m := range all.ScopeMetrics[0].Metrics {
		if sum, ok := m.Data.(metricdata.Sum[int64]); ok && m.Name == "tend.service.count" && len(sum.DataPoints) != 2*9 {
			t.Errorf("there are %d numbers of services", len(sum.DataPoints))
		}
	}
}

func TestMetricsDepth(t *testing.T) {
	reader, _ := observed(t, surveytest.Shop(), MetricOptions{Depth: 1})
	got := collect(t, reader)
	if strings.Contains(strings.Join(got, "\n"), "shop/db") || !slices.Contains(got, "service.failures{supervisor.path=shop} 12") {
		t.Errorf("got %s", strings.Join(got, "\n"))
	}
}

// What happens between two collections is counted, until nobody wants to know.
func TestMetricsOfEvents(t *testing.T) {
	p := surveytest.Shop()
	reader, unregister := observed(t, p, MetricOptions{MaxSupervisors: 1})
	at := tend.Origin{Supervisor: "shop/db", Service: "x"}
	happen := func() {
		p.Tell(
			tend.PauseBegan{Origin: at}, tend.Escalated{Origin: at}, tend.ServiceStuck{Origin: at}, tend.ServiceGaveUp{Origin: at}, tend.EventsDropped{N: 7},
			tend.ServiceEnded{Origin: at, Cause: tend.Reason{Err: tend.ErrRemoved}, Took: 3 * time.Second},
		)
	}
	happen()
	got := collect(t, reader)
	for _, want := range []string{
		"supervisor.pauses{supervisor.path=shop} 1", "supervisor.escalations{supervisor.path=shop} 1", "service.stuck{supervisor.path=shop} 1",
		"service.gave_up{supervisor.path=shop} 1", "event.dropped{} 7", "stop.duration{} 1 in 3", "supervisor.left_out{} 1",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("there is no %s in\n%s", want, strings.Join(got, "\n"))
		}
	}
	if err := unregister(); err != nil {
		t.Error(err)
	}
	happen()
	if got := collect(t, reader); !slices.Equal(got, []string{"stop.duration{} 1 in 3"}) {
		t.Errorf("after Unregister: %q", got)
	}
}

// The gauge of readiness is what probes go by.
func TestMetricsReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		surveytest.Readiness(t, func(shop *tend.Supervisor) func() map[string]bool {
			reader, _ := observed(t, shop, MetricOptions{})
			return func() map[string]bool {
				lines := collect(t, reader)
				ready := map[string]bool{}
				for _, path := range []string{"shop", "shop/db"} {
					ready[path] = slices.Contains(lines, "supervisor.ready{supervisor.path="+path+"} 1")
				}
				return ready
			}
		})
	})
}

// Sums never go back while their set is there, whatever leaves.
func TestMetricsTotals(t *testing.T) {
	p := surveytest.Shop()
	reader, _ := observed(t, p, MetricOptions{})
	look := func() (got []string) {
		for _, line := range collect(t, reader) {
			if strings.HasPrefix(line, "service.failures") {
				got = append(got, line)
			}
		}
		return got
	}
	look()
	db := p.Root.Services[1].Supervisor
	db.Services[0].Failed += 5
	db.Services = db.Services[:2]
	want := []string{"service.failures{supervisor.path=shop/db} 16", "service.failures{supervisor.path=shop} 1"}
	for range 2 {
		if diff := cmp.Diff(want, look()); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	}
	db.Services = nil
	if diff := cmp.Diff(want, look()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	p.Root.Services = p.Root.Services[:1]
	if diff := cmp.Diff(want[1:], look()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// doc.go names all instruments, with their units.
func TestMetricsDocumented(t *testing.T) {
	reader := sdk.NewManualReader()
	shop := surveytest.Shop()
	if _, err := observe(shop, MetricOptions{
		Provider: sdk.NewMeterProvider(sdk.WithReader(reader)),
		Services: func(tend.ServiceStatus) bool { return true },
	}); err != nil {
		t.Fatal(err)
	}
	shop.Tell(tend.SupervisorStopped{}) // the histogram is there when it has something
	var all metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	for line := range strings.Lines(string(doc)) {
		if fields := strings.Fields(line); len(fields) > 3 && strings.HasPrefix(line, "//\ttend.") {
			documented[fields[1]] = fields[2]
		}
	}
	for _, m := range all.ScopeMetrics[0].Metrics {
		if documented[m.Name] != m.Unit || m.Description == "" {
			t.Errorf("%s has the unit %q, doc.go says %q", m.Name, m.Unit, documented[m.Name])
		}
	}
	if n := len(all.ScopeMetrics[0].Metrics); n != 26 {
		t.Errorf("there are %d", n)
	}
}

func TestMetricsPanics(t *testing.T) {
	for want, f := range map[string]func(){
		"tend/tendotel: the supervisor is nil":     func() { _, _ = Metrics(nil, MetricOptions{}) },
		"tend/tendotel: MetricOptions.Depth is -1": func() { _, _ = Metrics(tend.New("x", tend.Spec{}), MetricOptions{Depth: -1}) },
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
	if r, err := Metrics(tend.New("x", tend.Spec{}), MetricOptions{}); err != nil || r == nil { // the global provider
		t.Error(r, err)
	}
}
