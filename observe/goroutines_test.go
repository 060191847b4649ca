package observe

import (
	"context"
	"errors"
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
	p.dumping.Lock()
	if w := request(p, "GET", "/api/node/1/goroutines"); w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
		t.Errorf("a second dump: %d", w.Code)
	}
	p.dumping.Unlock()
	for code, err := range map[int]error{
		http.StatusServiceUnavailable:  &goroutines.TooManyError{Goroutines: 4, Limit: 3},
		http.StatusInternalServerError: errors.New("no profile"),
	} {
		p.stacks = func(uint64) (string, error) { return "", err }
		if w := request(p, "GET", "/api/node/1/goroutines"); w.Code != code || w.Body.String() != "observe: "+err.Error()+"\n" {
			t.Errorf("%v: %d %s", err, w.Code, w.Body)
		}
	}
	root.Stop()
	<-served
}

//go:noinline
func aServiceNextToIt(ctx context.Context) { <-ctx.Done() }

//go:noinline
func aHelperOfTheService(ctx context.Context) { <-ctx.Done() }
