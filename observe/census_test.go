package observe

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tend-go/tend"
)

// Each service's goroutines are counted, with those that it has started, and nobody
// else's.
func TestCensus(t *testing.T) {
	up := make(chan struct{})
	many := tend.Func("many", func(ctx context.Context) error {
		for range 3 {
			go func() { <-ctx.Done() }()
		}
		up <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	})
	serve := func(name string) (*tend.Supervisor, string) {
		s := tend.New(name, tend.Spec{EventHook: func(tend.Event) {}})
		id := s.Add(many).String()[1:]
		done := s.ServeBackground(t.Context())
		t.Cleanup(func() {
			s.Stop()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
		<-up
		return s, id
	}
	root, id := serve("root")
	serve("another")
	p := newTestPage(t, root, Options{})
	w := request(p, "GET", "/api/goroutines")
	var got map[string]int
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK {
		t.Fatal(w.Code, err)
	}
	if d := cmp.Diff(map[string]int{id: 4}, got); d != "" {
		t.Error(d)
	}
}
