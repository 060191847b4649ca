package tendprom

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/actor"
)

// A Prometheus that scrapes a program answers each query of the dashboard with something,
// and takes the rules.
func TestPrometheusAnswersTheDashboard(t *testing.T) {
	binary, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("there is no prometheus: ", err)
	}
	scrapes := make(chan struct{})
	shop := httptest.NewServer(program(t, scrapes))
	defer shop.Close()
	address := startPrometheus(t, binary, shop.Listener.Addr().String())
	for range 4 { // each begins when the one before is stored; a rate needs two
		await(t, scrapes)
	}
	filled := strings.NewReplacer("$__rate_interval", "1m", "$job", ".*", "$instance", ".*")
	for where, queries := range dashboard(t) {
		for _, q := range queries {
			if strings.HasPrefix(where, "$") { // label_values is Grafana's own
				q, _, _ = strings.Cut(strings.TrimPrefix(q, "label_values("), ", ")
			}
			if n := results(t, address, filled.Replace(q)); n == 0 {
				t.Errorf("%s: nothing answers %s", where, q)
			}
		}
	}
	for _, r := range alertRules(t) {
		results(t, address, r.Expr)
	}
}

// program serves the metrics of a tree that is served, and has some of everything, from
// the second scrape on. It tells of each scrape before it answers.
func program(t *testing.T, scrapes chan<- struct{}) http.Handler {
	hang := make(chan struct{})
	root := newShop(hang)
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(NewCollector(root, Options{Services: func(tend.ServiceStatus) bool { return true }}))
	handler := promhttp.HandlerFor(metrics, promhttp.HandlerOpts{})
	var ended <-chan error
	n := 0
	t.Cleanup(func() {
		close(hang)
		if ended != nil {
			<-ended
		}
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // one scrape at a time
		if n++; n == 2 {
			events := root.Events(t.Context())
			ended = root.ServeBackground(t.Context())
			live(root, events)
		}
		select {
		case scrapes <- struct{}{}:
		case <-r.Context().Done():
		}
		handler.ServeHTTP(w, r)
	})
}

// newShop is a tree in which everything happens once it is served.
func newShop(hang <-chan struct{}) *tend.Supervisor {
	root := tend.New("shop", tend.Spec{EventHook: func(tend.Event) {}})
	pausing := tend.New("pausing", tend.Spec{FailureThreshold: 1, FailureBackoff: time.Hour})
	pausing.Add(failing("failing", 2))
	escalating := tend.New("escalating", tend.Spec{FailureThreshold: 1, Escalate: true})
	escalating.Add(failing("failing", 2))
	root.Add(pausing)
	root.Add(escalating)
	root.Add(tend.Child{Service: failing("waiting", 1), Backoff: tend.Backoff{Min: time.Hour}})
	root.Add(tend.Child{Service: failing("giving up", 2), Limit: tend.Limit{N: 2}})
	root.Add(failing("stopping", 0))
	root.Add(tend.Child{Timeout: time.Millisecond, Service: tend.Func("hanging", func(context.Context) error { <-hang; return nil })})
	root.Add(asked(hang))
	root.Add(tend.Child{Service: losing(), Backoff: tend.Backoff{Min: time.Hour}})
	return root
}

// question is a message that wants an answer.
type question = actor.Reply[int]

// asked is an actor with a question in hand, and one that waits.
func asked(hang <-chan struct{}) tend.Service {
	a := actor.New("asked", &actor.Spec[question]{New: func(context.Context, *actor.Actor[question]) (actor.Handler[question], error) {
		return actor.Func[question](func(_ context.Context, q question) error { <-hang; q.Send(1); return nil }), nil
	}})
	for range 2 {
		ctx, cancel := context.WithCancel(context.Background())
		go func() { <-hang; cancel() }()
		go func() { _, _ = actor.Ask(ctx, a, func(q question) question { return q }) }()
	}
	return a
}

// losing is an actor that fails with its message.
func losing() tend.Service {
	a := actor.New("losing", &actor.Spec[int]{New: func(context.Context, *actor.Actor[int]) (actor.Handler[int], error) {
		return actor.Func[int](func(context.Context, int) error { return errors.New("boom") }), nil
	}})
	_ = a.TrySend(1)
	return a
}

// live returns when all has happened.
func live(root *tend.Supervisor, events iter.Seq[tend.Event]) {
	missing := map[tend.Kind]bool{}
	for _, e := range []tend.Event{tend.PauseBegan{}, tend.Escalated{}, tend.ServiceGaveUp{}, tend.ServiceStuck{}, tend.ServiceEnded{}, tend.MessagesLost{}} {
		missing[e.Kind()] = true
	}
	for e := range events {
		if e, is := e.(tend.ServiceStarted); is && (e.Service == "hanging" || e.Service == "stopping") {
			_ = root.Suspend(e.Token)
		}
		if delete(missing, e.Kind()); len(missing) == 0 {
			return
		}
	}
}

// startPrometheus starts one that scrapes a program, and returns its address.
func startPrometheus(t *testing.T, binary, program string) (address string) {
	dir := t.TempDir()
	rules, err := filepath.Abs("alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf("global: {scrape_interval: 1s, scrape_timeout: 1s}\nrule_files: [%q]\nscrape_configs: [{job_name: shop, static_configs: [{targets: [%q]}]}]\n", rules, program)
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), binary, "--web.listen-address=127.0.0.1:0",
		"--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"))
	log, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	found := make(chan string, 1)
	go func() {
		var all strings.Builder
		for lines := bufio.NewScanner(log); lines.Scan(); {
			line := lines.Text()
			fmt.Fprintln(&all, line)
			if _, after, ok := strings.Cut(line, `msg="Listening on" `); ok {
				_, after, _ = strings.Cut(after, "address=")
				found <- strings.Fields(after)[0]
			}
		}
		_ = c.Wait()
		select {
		case found <- "":
			t.Log(all.String())
		default:
		}
	}()
	if address = <-found; address == "" {
		t.Fatal("Prometheus does not listen")
	}
	return address
}

// await waits for a scrape.
func await(t *testing.T, scrapes <-chan struct{}) {
	t.Helper()
	select {
	case <-scrapes:
	case <-time.After(time.Minute):
		t.Fatal("nobody scrapes")
	}
}

// results are how many a query has.
func results(t *testing.T, address, query string) int {
	t.Helper()
	r, err := http.Get("http://" + address + "/api/v1/query?query=" + url.QueryEscape(query)) //nolint:noctx // it is a test's own server
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	var answer struct {
		Status, Error string
		Data          struct{ Result []json.RawMessage }
	}
	if err := json.NewDecoder(r.Body).Decode(&answer); err != nil || answer.Status != "success" {
		t.Errorf("%s: %v %s", query, err, answer.Error)
	}
	return len(answer.Data.Result)
}
