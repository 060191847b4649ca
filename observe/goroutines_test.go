package observe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/goroutines"
)

// The goroutines of a service of a real tree, with those that it started itself.
func TestGoroutines(t *testing.T) {
	root := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
	up := make(chan struct{})
	token := root.Add(tend.Func("works", func(ctx context.Context) error {
		tend.Go(ctx, func(ctx context.Context) error {
			close(up)
			aHelperOfTheService(ctx)
			return nil
		})
		<-ctx.Done()
		return ctx.Err()
	}))
	next := make(chan struct{})
	root.Add(tend.Func(token.String()+"0", func(ctx context.Context) error {
		close(next)
		aServiceNextToIt(ctx)
		return nil
	}))
	served := root.ServeBackground(t.Context())
	<-up
	<-next
	p := newTestPage(t, root, Options{})
	w := request(p, "GET", "/api/node/"+token.String()[1:]+"/goroutines")
	if body := w.Body.String(); w.Code != 200 || !strings.Contains(body, "aHelperOfTheService\n\t") || strings.Contains(body, "testing.") || strings.Contains(body, "NextToIt") {
		t.Errorf("%d %s", w.Code, body)
	}
	root.Stop()
	<-served
}

// The answer is text, whatever the tree says.
func TestWhenThereAreNoStacksTheAnswerSaysWhy(t *testing.T) {
	f := newFakeTree(supervisor("root", "a", "b/", "c").Status())
	token := f.status.Services[1].Supervisor.Services[0].Token
	service := "/api/node/" + token.String()[1:] + "/goroutines"
	p := newTestPage(t, f, Options{})
	for _, c := range []struct {
		path string
		err  error
		code int
		body string
	}{
		{service, nil, http.StatusOK, "stacks of " + token.String()},
		{service, fmt.Errorf("now: %w", &goroutines.TooManyError{Goroutines: 4, Limit: 3}), http.StatusServiceUnavailable, "more than 3"},
		{service, fmt.Errorf("now: %w", tend.ErrWrongSupervisor), http.StatusNotFound, "no service"},
		{service, errors.New("no goroutine has its label"), http.StatusOK, "no goroutine has its label"},
		{"/api/node/0/goroutines", nil, http.StatusNotFound, "no service 0"},
		{"/api/node/99999999/goroutines", nil, http.StatusNotFound, "no service 99999999"},
		{"/api/node/x/goroutines", nil, http.StatusBadRequest, "not the id"},
	} {
		f.err = c.err
		w := request(p, "GET", c.path)
		if w.Code != c.code || !strings.Contains(w.Body.String(), c.body) || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("%s, %v: %d %s", c.path, c.err, w.Code, w.Body)
		}
	}
	if want := strings.Repeat("stacks "+token.String()[1:]+"\n", 4); strings.Join(f.calls, "\n")+"\n" != want {
		t.Errorf("asked %q", f.calls)
	}
}

//go:noinline
func aServiceNextToIt(ctx context.Context) { <-ctx.Done() }

//go:noinline
func aHelperOfTheService(ctx context.Context) { <-ctx.Done() }
