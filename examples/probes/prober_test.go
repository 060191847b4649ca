package main

import (
	"context"
	"errors"
	"expvar"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tend-go/tend/health"
)

// world is what the prober sees, in virtual time: targets that answer as the day
// goes, without a network.
type world struct {
	t     *testing.T
	begun time.Time

	mu       sync.Mutex
	targets  []target
	listing  error
	down     bool // the broker
	answers  map[string]func(at time.Duration) (status int, takes time.Duration, err error)
	asking   int
	asked    []string // urls
	timeline []string
	events   []event

	count expvar.Map
	log   *slog.Logger
}

func newWorld(t *testing.T, games ...string) *world {
	w := &world{
		t: t, begun: time.Now(), log: slog.New(slog.DiscardHandler),
		answers: map[string]func(time.Duration) (int, time.Duration, error){},
	}
	for _, g := range games {
		w.run(g, g+"-1")
	}
	return w
}

// run has the game run in that container, in place of the one it had.
func (w *world) run(game, container string) {
	w.stop(game)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.targets = append(w.targets, target{game, container, "http://" + container})
}

func (w *world) stop(game string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var others []target
	for _, t := range w.targets {
		if t.Game != game {
			others = append(others, t)
		}
	}
	w.targets = others
}

// set changes what tells how the world is.
func (w *world) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

// answer says how a container answers at each time of the day.
func (w *world) answer(container string, f func(at time.Duration) (int, time.Duration, error)) {
	w.set(func() { w.answers[container] = f })
}

// status makes a container answer with it from then on.
func (w *world) status(container string, status int) {
	w.answer(container, func(time.Duration) (int, time.Duration, error) { return status, 0, nil })
}

// RoundTrip is the network.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.asking++
	w.asked = append(w.asked, r.URL.String())
	status, takes, err := 200, time.Duration(0), error(nil)
	if f := w.answers[r.URL.Host]; f != nil {
		status, takes, err = f(time.Since(w.begun))
	}
	w.mu.Unlock()
	defer w.set(func() { w.asking-- })
	select {
	case <-time.After(takes):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	if err != nil || r.URL.Path != "/healthz" {
		return nil, errors.Join(err, r.Context().Err())
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader("said " + r.URL.Host)), Request: r}, nil
}

func (w *world) list(context.Context) ([]target, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.targets, w.listing
}

func (w *world) publish(_ context.Context, e event) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.down {
		return errDown
	}
	at := e.Time.Sub(w.begun)
	line := fmt.Sprintf("%v %s %s", at, e.Type, e.Container)
	switch e.Type {
	case probeFailed:
		line += fmt.Sprintf(" %d, last %d %s", e.ConsecutiveFailures, e.LastStatus, e.LastError)
	case probeRecovered:
		line += fmt.Sprintf(" after %d", e.PriorFailureCount)
	}
	if late := time.Since(e.Time); late > 0 {
		line += fmt.Sprintf(" (%v late)", late)
	}
	w.timeline, w.events = append(w.timeline, line), append(w.events, e)
	return nil
}

// want fails the test unless exactly this was published since the last time.
func (w *world) want(lines ...string) {
	w.t.Helper()
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	if diff := cmp.Diff(lines, w.timeline, cmpopts.EquateEmpty()); diff != "" {
		w.t.Errorf("%v: -want +got:\n%s", time.Since(w.begun), diff)
	}
	w.timeline = nil
}

// service is the prober with the usual numbers, on an exact schedule.
func (w *world) service() *health.Prober {
	w.t.Helper()
	m, err := newProber(w.prober())
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

func (w *world) prober() prober {
	return prober{
		list: w.list, publish: w.publish, count: &w.count, log: w.log,
		interval: 10 * time.Second, timeout: 5 * time.Second, failures: 3,
		client: &http.Client{Transport: w}, jitter: -1,
	}
}

// serve serves the prober until the function returned is called.
func (w *world) serve() (stop func()) {
	m := w.service()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = m.Serve(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

// between is a plan for a day: an answer that is another one from time to time.
func between(from, to time.Duration, status int, takes time.Duration, err error) func(time.Duration) (int, time.Duration, error) {
	return func(at time.Duration) (int, time.Duration, error) {
		if from <= at && at < to {
			return status, takes, err
		}
		return 200, 0, nil
	}
}

// TestDay is a whole day of a few games, in virtual time: 50,000 requests.
func TestDay(t *testing.T) {
	if raceDetector {
		t.Skip("so many events in one bubble crash the race detector now and then: golang.org/issue/78156")
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "chess", "go", "poker", "slow", "brief")
		w.answer("chess-1", between(time.Hour, time.Hour+5*time.Minute, 503, time.Second, nil))
		w.answer("go-1", between(6*time.Hour, 7*time.Hour, 0, time.Hour, nil)) // hangs
		w.answer("poker-1", between(12*time.Hour, 13*time.Hour, 0, 0, errors.New("connection refused")))
		w.answer("slow-1", func(time.Duration) (int, time.Duration, error) { return 200, 4900 * time.Millisecond, nil })
		w.answer("brief-1", between(15*time.Hour, 15*time.Hour+20*time.Second, 500, 0, nil)) // two failures are none
		stop := w.serve()
		time.Sleep(16*time.Hour - time.Second)
		w.set(func() { w.listing = errors.New("the runtime is down") }) // changes nothing
		time.Sleep(time.Hour)
		w.set(func() { w.listing = nil })
		w.status("brief-1", 302) // no redirect is followed, and only 200 will do
		time.Sleep(7 * time.Hour)
		w.want(
			"1h0m21s probe_failed chess-1 3, last 503 HTTP status 503 Service Unavailable: said chess-1",
			"1h5m0s probe_recovered chess-1 after 30",
			"6h0m25s probe_failed go-1 3, last 0 the check did not end in time (5s)",
			"7h0m0s probe_recovered go-1 after 360",
			`12h0m20s probe_failed poker-1 3, last 0 Get "http://poker-1/healthz": connection refused`,
			"13h0m0s probe_recovered poker-1 after 360",
			"17h0m20s probe_failed brief-1 3, last 302 HTTP status 302 Found: said brief-1",
		)
		stop()
		w.want()
	})
}

// TestNoEventIsLost: while the broker is down events wait, and what is over by then
// was never worth an event.
func TestNoEventIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "a", "b", "c")
		w.answer("a-1", between(10*time.Minute, time.Hour, 500, 0, nil))
		w.answer("b-1", between(10*time.Minute, 11*time.Minute, 500, 0, nil))
		stop := w.serve()
		time.Sleep(5 * time.Minute)
		w.set(func() { w.down = true })
		time.Sleep(24*time.Minute + 50*time.Second + time.Millisecond)
		w.status("c-1", 500) // its event finds the broker up again, and brings the others
		time.Sleep(5 * time.Second)
		w.set(func() { w.down = false })
		w.want()
		time.Sleep(time.Minute)
		w.want(
			"30m20s probe_failed c-1 3, last 500 HTTP status 500 Internal Server Error: said c-1",
			"10m20s probe_failed a-1 3, last 500 HTTP status 500 Internal Server Error: said a-1 (20m0s late)",
		)
		stop()
	})
}

// TestContainers: a new one starts afresh, one that is gone is forgotten.
func TestContainers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "a", "b")
		w.status("a-1", 500)
		w.status("a-2", 500)
		w.status("b-1", 500)
		m := w.service()
		ticks := func(n int) {
			t.Helper()
			for range n {
				if err := m.Tick(t.Context()); err != nil {
					t.Fatal(err)
				}
				time.Sleep(10 * time.Second)
			}
		}
		failed := "probe_failed %s 3, last 500 HTTP status 500 Internal Server Error: said %[1]s"
		ticks(2)
		w.run("a", "a-2") // the failures of a-1 do not count against it
		ticks(1)
		w.want("20s " + fmt.Sprintf(failed, "b-1"))
		ticks(2)
		w.want("40s " + fmt.Sprintf(failed, "a-2"))
		w.run("a", "a-3") // well, and has not recovered from anything
		w.stop("b")
		ticks(3)
		w.want()
		if n := len(m.Snapshot(health.Readiness).Probes); n != 2 { // the source is one
			t.Errorf("%d probes, want 2", n)
		}
		w.run("b", "b-1") // again: as if it had never been there
		ticks(3)
		w.want("1m40s " + fmt.Sprintf(failed, "b-1"))
	})
}

// TestTick: rounds by hand are the same every time, callbacks in the order of
// names.
func TestTick(t *testing.T) {
	for range 60 {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, "zeta", "alpha", "mid", "ok")
			for _, c := range []string{"zeta-1", "alpha-1", "mid-1"} {
				w.status(c, 503)
			}
			w.answer("mid-1", func(time.Duration) (int, time.Duration, error) { return 503, time.Second, nil })
			m := w.service()
			for range 4 {
				if err := m.Tick(t.Context()); err != nil {
					t.Fatal(err)
				}
				time.Sleep(10 * time.Second)
			}
			w.want( // a round takes a second, because mid does
				"22s probe_failed alpha-1 3, last 503 HTTP status 503 Service Unavailable: said alpha-1 (1s late)",
				"23s probe_failed mid-1 3, last 503 HTTP status 503 Service Unavailable: said mid-1",
				"22s probe_failed zeta-1 3, last 503 HTTP status 503 Service Unavailable: said zeta-1 (1s late)",
			)
		})
	}
}

// TestSlowDelaysNobody: of a hundred that hang and one that is well, the latter is
// asked when it is due, and never more than sixteen are asked at once.
func TestSlowDelaysNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for i := range 100 {
			w.run(fmt.Sprintf("dead%02d", i), fmt.Sprintf("dead%02d", i))
			w.answer(fmt.Sprintf("dead%02d", i), func(time.Duration) (int, time.Duration, error) { return 0, time.Hour, nil })
		}
		w.run("well", "well")
		var asked []time.Duration
		w.answer("well", func(at time.Duration) (int, time.Duration, error) {
			asked = append(asked, at)
			return 200, 0, nil
		})
		stop := w.serve()
		time.Sleep(time.Second / 2)
		for range 100 {
			w.set(func() {
				if w.asking > atOnce {
					t.Errorf("%d at once", w.asking)
				}
			})
			time.Sleep(time.Second)
		}
		stop()
		// The first time they hang it is a surprise: 100 · 5s / 16.
		want := []time.Duration{30 * time.Second, 40 * time.Second, 50 * time.Second, 60 * time.Second, 70 * time.Second, 80 * time.Second, 90 * time.Second, 100 * time.Second}
		if diff := cmp.Diff(want, asked); diff != "" {
			t.Errorf("asked at (-want +got):\n%s", diff)
		}
	})
}

// TestShutdown: cancelled requests make nobody sick, though one more failure would
// be an event.
func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "a")
		w.answer("a-1", func(time.Duration) (int, time.Duration, error) { return 0, time.Hour, nil })
		stop := w.serve()
		time.Sleep(22 * time.Second) // two have failed, the third is under way
		stop()
		w.want()
	})
}
