package app

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/health"
	"github.com/tend-go/tend/observe"
	"github.com/tend-go/tend/tendtest"
)

// situation is a line of the table in docs/operations.md that says when a tree is
// ready, and a tree that it is about.
type situation struct {
	name     string
	services []tend.Service
	// play, if it is not nil, is called when the tree has been served for a second.
	play func(root *tend.Supervisor, first tend.ServiceToken)
	want verdicts
}

// verdicts are what is said of a tree.
type verdicts struct{ Ready, AllRunning, Alive bool }

var (
	fine   = verdicts{true, true, true}
	partly = verdicts{true, false, true}
	down   = verdicts{false, false, true}
)

// situations are in the order of the table. The services have to be made in the
// bubble in which they are served.
func situations() []situation {
	return []situation{
		{name: "Not all of its services have been running at once yet.", want: down, services: []tend.Service{tendtest.Idle("a"), late(tend.Child{})}},
		{name: "Those of a nested supervisor have not been running at once yet.", want: down, services: []tend.Service{nest(late(tend.Child{}))}},
		{name: "All of its services run.", want: fine, services: []tend.Service{tendtest.Idle("a"), nest(tendtest.Idle("b"))}},
		{name: "A service of the root is in backoff.", want: down, services: []tend.Service{failed(tend.Child{})}},
		{name: "… has failed for good.", want: down, services: []tend.Service{failed(tend.Child{Limit: tend.Limit{N: 1}})}},
		{name: "… is being restarted.", want: down, services: []tend.Service{tendtest.Slow("a", time.Minute)}, play: restart},
		{name: "… is stuck, and its next run waits for its end.", want: verdicts{}, services: []tend.Service{deaf()}, play: restart},
		{name: "… is stuck on its way out.", want: fine, services: []tend.Service{deaf()}, play: func(root *tend.Supervisor, first tend.ServiceToken) {
			_ = root.Remove(first)
		}},
		{name: "… is suspended.", want: fine, services: []tend.Service{tendtest.Idle("a")}, play: func(root *tend.Supervisor, first tend.ServiceToken) {
			_ = root.Suspend(first)
		}},
		{name: "… is done.", want: fine, services: []tend.Service{tend.Child{Service: tendtest.Failing("a", nil), Restart: tend.Transient}}},
		{name: "… is Temporary, and starts.", want: fine, services: []tend.Service{tendtest.Idle("a")}, play: func(root *tend.Supervisor, _ tend.ServiceToken) {
			root.Add(late(tend.Child{Restart: tend.Temporary}))
		}},
		{name: "… was Temporary, and has failed.", want: fine, services: []tend.Service{tend.Child{Service: tendtest.Failing("a", io.EOF), Restart: tend.Temporary}}},
		{name: "A service below a nested supervisor is down.", want: partly, services: []tend.Service{nest(failed(tend.Child{}))}},
		{name: "… and is Significant.", want: down, services: []tend.Service{nest(failed(tend.Child{Significant: true}))}},
		{name: "… and its supervisor is served by a service of the root that is none itself.", want: partly, services: []tend.Service{
			tend.Func("a", nest(failed(tend.Child{})).Serve),
		}},
		{
			name: "… because it is stuck, and its next run waits for its end.", want: verdicts{Ready: true}, services: []tend.Service{nest(deaf())},
			play: func(root *tend.Supervisor, _ tend.ServiceToken) {
				restart(root, root.Status().Services[0].Supervisor.Services[0].Token)
			},
		},
		{name: "A nested supervisor has escalated, and is in backoff.", want: down, services: []tend.Service{escalated()}},
		{name: "It stops.", want: down, services: []tend.Service{tendtest.Slow("a", time.Minute)}, play: stop},
		{name: "It stops, and a service is stuck.", want: down, services: []tend.Service{deaf(), tendtest.Slow("a", time.Minute)}, play: stop},
		{name: "It has stopped.", want: down, services: []tend.Service{tendtest.Idle("a")}, play: stop},
	}
}

// late is a service that is not ready yet.
func late(c tend.Child) tend.Child {
	c.Service, c.ReadyTimeout = tendtest.Idle("late"), time.Hour
	return c
}

// failed is a service that has run for a moment, and failed.
func failed(c tend.Child) tend.Child {
	c.Backoff = tend.Backoff{Min: time.Hour}
	c.Service = tend.Func("failed", func(context.Context) error {
		time.Sleep(time.Millisecond)
		return io.EOF
	})
	return c
}

// deaf is a service that is soon stuck when it is to stop.
func deaf() tend.Child {
	return tend.Child{Service: tendtest.Slow("deaf", time.Minute), Timeout: time.Second}
}

func nest(svc tend.Service) *tend.Supervisor {
	s := tend.New("nested", tend.Spec{Escalate: true, FailureThreshold: 0.5})
	s.Add(svc)
	return s
}

// escalated is a nested supervisor that has.
func escalated() tend.Child {
	c := failed(tend.Child{})
	return tend.Child{Service: nest(c.Service), Backoff: c.Backoff}
}

func restart(root *tend.Supervisor, t tend.ServiceToken) { _ = root.Restart(t, nil) }

func stop(root *tend.Supervisor, _ tend.ServiceToken) { go root.Stop() }

// Whoever is asked whether a tree is ready answers the same: the tree itself, this
// package, package health and the page.
func TestReadiness(t *testing.T) {
	for i, s := range situations() {
		t.Run(s.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				root := situations()[i].begin(t)
				status := root.Status()
				own, stricter := Options{}, Options{Ready: tend.Status.AllRunning}
				checks, more := health.Config{Tree: root}, health.Config{Tree: root, Ready: tend.Status.AllRunning}
				for who, got := range map[string]verdicts{
					"the tree":       {status.Ready() == nil, status.AllRunning() == nil, status.Alive() == nil},
					"this package":   {says(probes(root, own), "/readyz"), says(probes(root, stricter), "/readyz"), says(probes(root, own), "/livez")},
					"package health": {says(checked(t, checks), "/readyz"), says(checked(t, more), "/readyz"), says(checked(t, checks), "/livez")},
				} {
					if diff := cmp.Diff(s.want, got); diff != "" {
						t.Errorf("%s: -want +got\n%s\n%v", who, diff, status)
					}
				}
				if got := shown(t, root); (got == tend.StateRunning) != s.want.Ready {
					t.Errorf("the page: %v\n%v", got, status)
				}
			})
		})
	}
}

// begin serves the tree of s, and lets happen what it is about.
func (s situation) begin(t *testing.T) *tend.Supervisor {
	root := tend.New("root", quiet(tend.Spec{}))
	var first tend.ServiceToken
	for i, svc := range s.services {
		if token := root.Add(svc); i == 0 {
			first = token
		}
	}
	ended := root.ServeBackground(t.Context())
	t.Cleanup(func() {
		<-ended
		time.Sleep(time.Hour) // for those that do not listen
	})
	time.Sleep(time.Second)
	if s.play != nil {
		s.play(root, first)
		time.Sleep(2 * time.Second)
	}
	return root
}

// says is what a probe is told.
func says(h http.Handler, path string) bool {
	code, _ := get(h, "GET", "http://localhost"+path)
	return code == http.StatusOK
}

// probes are the answers of this package, before it has noticed anything by itself.
func probes(root *tend.Supervisor, o Options) http.Handler {
	o.Logger = slog.New(slog.DiscardHandler)
	return newProgram(root, o).listeners.routes(false)
}

// checked are the answers of a prober beside the tree, which has no checks of its
// own.
func checked(t *testing.T, c health.Config) http.Handler {
	prober, err := health.New(c)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = prober.Serve(t.Context()) }()
	synctest.Wait()
	mux := http.NewServeMux()
	mux.Handle("/readyz", prober.Handler(health.Readiness, nil))
	mux.Handle("/livez", prober.Handler(health.Liveness, nil))
	return mux
}

// shown is the state in the first line of the page.
func shown(t *testing.T, root *tend.Supervisor) tend.State {
	page := observe.Handler(root, observe.Options{})
	defer page.Close()
	_, body := get(page, "GET", "http://localhost/api/view")
	var view struct {
		States []tend.State `json:"states"`
		Rows   []struct {
			State int `json:"s"`
		} `json:"rows"`
	}
	if err := json.Unmarshal([]byte(body), &view); err != nil || len(view.Rows) == 0 {
		t.Fatalf("the page answers %q, %v", body, err)
	}
	return view.States[view.Rows[0].State]
}
