package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tend-go/tend/health"
)

// page is what /readyz says of the essential check, of the optional ones, and of
// the whole.
type page struct {
	Code                      int
	Status, Store, Chat, Mail string
	Queue                     string
}

// readyz asks for the page from an address.
func readyz(t *testing.T, h http.Handler, from string) page {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/readyz", nil)
	r.RemoteAddr = from
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var doc struct {
		Status string
		Checks map[string][]struct {
			Status, Output string
			Details        struct {
				QueueSize int `json:"queue_size"`
			}
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
		t.Fatalf("%v in %s", err, w.Body)
	}
	p := page{Code: w.Code, Status: doc.Status}
	say := func(name string) string {
		if c := doc.Checks[name]; len(c) > 0 {
			return c[0].Status + " " + c[0].Output
		}
		return ""
	}
	p.Store, p.Chat, p.Mail = say("store:reachable"), say("sender:chat"), say("sender:mail")
	if c := doc.Checks["notifier:queue"]; len(c) > 0 {
		p.Queue = fmt.Sprint(c[0].Status, " ", c[0].Details.QueueSize)
	}
	return p
}

const local = "127.0.0.1:40000"

func samePage(t *testing.T, got, want page) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%v after the start (-want +got):\n%s", time.Now().Format(time.TimeOnly), d)
	}
}

// (7) The page shows what is known. Essential checks decide, the others only show;
// the queue comes with its size; strangers see no more than the whole.
func TestClair7HealthPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := put(t, newTimeline(), "a", "b", "c")
		n := clair(s, newFake(newTimeline(), "chat", works), newFake(newTimeline(), "mail", failing(1000)))
		n.attempts = 1000
		root, prober, err := tree(n, "")
		if err != nil {
			t.Fatal(err)
		}
		routes := routes(prober)
		ctx, cancel := context.WithCancel(t.Context())
		ended := root.ServeBackground(ctx)

		time.Sleep(2 * time.Minute)
		samePage(t, readyz(t, routes, local), page{200, "warn", "pass ", "pass ", "fail 503", "pass 3"})
		samePage(t, readyz(t, routes, "192.0.2.1:40000"), page{Code: 200, Status: "warn"})

		s.setBroken(errStore)
		time.Sleep(time.Minute)
		samePage(t, readyz(t, routes, local), page{503, "fail", "fail store unreachable", "pass ", "fail 503", "fail 0"})

		s.setBroken(nil)
		time.Sleep(time.Minute)
		samePage(t, readyz(t, routes, local), page{200, "warn", "pass ", "pass ", "fail 503", "pass 3"})

		cancel()
		<-ended
		if p := readyz(t, routes, local); p.Code != 503 {
			t.Errorf("stopped, and %+v", p)
		}
	})
}

// (7) A request runs no check, however many there are, and a check that hangs has
// failed instead of making the page hang.
func TestClair7ChecksDoNotHoldThePage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &counting{watched: put(t, newTimeline()), hang: make(chan struct{})}
		root, prober, err := tree(clair(s, newFake(newTimeline(), "chat", works)), "")
		if err != nil {
			t.Fatal(err)
		}
		routes := routes(prober)
		ctx, cancel := context.WithCancel(t.Context())
		ended := root.ServeBackground(ctx)

		time.Sleep(time.Minute)
		before := s.sizes.Load()
		for range 1000 {
			readyz(t, routes, local)
		}
		if asked := s.sizes.Load() - before; before == 0 || asked != 0 {
			t.Errorf("a thousand requests asked the store %d times, the minute before %d times", asked, before)
		}

		s.hangs.Store(true)
		time.Sleep(time.Minute)
		if p := readyz(t, routes, local); p.Code != 503 {
			t.Errorf("the store hangs, and %+v", p)
		}
		close(s.hang)
		cancel()
		<-ended
	})
}

// That a send was interrupted by a stop says nothing about the receiver.
func TestStopIsNoFailureOfTheReceiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := clair(put(t, newTimeline(), "a"), newFake(newTimeline(), "mail", taking(time.Hour)))
		root, prober, err := tree(n, "")
		if err != nil {
			t.Fatal(err)
		}
		serveTree(t, root, time.Minute)
		for _, p := range prober.Snapshot(health.Readiness).Probes {
			if p.Name == "sender:mail" && p.Failures > 0 {
				t.Errorf("%s has failed %d times: %s", p.Name, p.Failures, p.Output)
			}
		}
	})
}

// A crowded queue is a warning.
func TestCrowdedQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := put(t, newTimeline())
		for i := range crowded {
			s.put(t, fmt.Sprint(i))
		}
		n := clair(s, newFake(newTimeline(), "chat", taking(time.Hour)))
		n.timeout = time.Hour
		root, prober, err := tree(n, "")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := root.ServeBackground(ctx)
		time.Sleep(time.Minute)
		p := readyz(t, routes(prober), local)
		if p.Queue != "warn 1000" {
			t.Errorf("got %+v", p)
		}
		cancel()
		<-ended
	})
}
