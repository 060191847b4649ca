package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend"
)

// client asks a limited handler.
type client struct {
	t *testing.T
	h http.Handler
}

// newClient serves buckets in a bubble.
func newClient(t *testing.T) (*tend.Supervisor, client) {
	t.Helper()
	buckets := newBuckets()
	root := tend.New("limiter", tend.Spec{EventHook: func(tend.Event) {}})
	root.Add(buckets)
	root.ServeBackground(t.Context())
	t.Cleanup(root.Stop)
	next := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	return root, client{t, limited(buckets, clientOf, next)}
}

// ask asks so often, and counts the answers by their code.
func (c client) ask(addr string, times int) map[int]int {
	c.t.Helper()
	codes := map[int]int{}
	for range times {
		r := httptest.NewRequestWithContext(c.t.Context(), http.MethodGet, "/", nil)
		r.RemoteAddr = addr
		w := httptest.NewRecorder()
		c.h.ServeHTTP(w, r)
		codes[w.Code]++
		if w.Code == http.StatusTooManyRequests && w.Header().Get("Retry-After") != "1" {
			c.t.Errorf("it says when to come again: %q", w.Header().Get("Retry-After"))
		}
	}
	return codes
}

func (c client) wants(what string, codes map[int]int, ok, tooMany int) {
	c.t.Helper()
	if codes[http.StatusOK] != ok || codes[http.StatusTooManyRequests] != tooMany {
		c.t.Errorf("%s: %v, want %d and %d too many", what, codes, ok, tooMany)
	}
}

// TestLimits: twenty at once, ten a second, each client for itself, whatever its port.
func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c := newClient(t)
		c.wants("a burst", c.ask("192.0.2.1:1", 25), 20, 5)
		c.wants("from another port", c.ask("192.0.2.1:2", 1), 0, 1)
		c.wants("another client", c.ask("192.0.2.2:1", 25), 20, 5)
		time.Sleep(time.Second)
		c.wants("a second later", c.ask("192.0.2.1:1", 25), 10, 15)
		time.Sleep(time.Hour)
		c.wants("an hour later", c.ask("192.0.2.1:1", 25), 20, 5)
	})
}

// TestAServerThatStops says so.
func TestAServerThatStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root, c := newClient(t)
		root.Stop()
		if codes := c.ask("192.0.2.1:1", 2); codes[http.StatusServiceUnavailable] != 2 {
			t.Errorf("%v", codes)
		}
	})
}

// TestMeasure is what the program does without -addr.
func TestMeasure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		if err := measure(t.Context(), &out, 500); err != nil {
			t.Error(err)
		}
		if got := out.String(); !strings.Contains(got, "round 3: 500 of 500 have a token") || !strings.Contains(got, "all sleep") {
			t.Errorf("it says\n%s", got)
		}
	})
}

func TestArguments(t *testing.T) {
	for args, want := range map[string]bool{
		"": true, "-clients 10": true, "-addr :8080 -http :8081": true, "-clients 0": false, "-http :8081": false, "what": false, "-x": false,
	} {
		if _, err := parse(strings.Fields(args)); (err == nil) != want {
			t.Errorf("%q: %v", args, err)
		}
	}
}
