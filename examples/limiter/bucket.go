package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/actor"
)

const (
	rate  = 10 // tokens a second
	burst = 20
)

// take asks for one token.
type take struct{ actor.Reply[bool] }

// bucket is the state of one client.
type bucket struct {
	tokens float64
	last   time.Time
}

func (b *bucket) Handle(_ context.Context, m take) error {
	now := time.Now()
	b.tokens = min(burst, b.tokens+rate*now.Sub(b.last).Seconds())
	b.last = now
	ok := b.tokens >= 1
	if ok {
		b.tokens--
	}
	m.Send(ok)
	return nil
}

// newBuckets are the buckets by client. One that sleeps is full again, so that nothing is
// lost with it; there are a million at most, so that nobody fills the memory by asking from
// many addresses.
func newBuckets() *actor.Group[string, take] {
	return actor.NewGroup("buckets", actor.GroupSpec[string, take]{
		New: func(context.Context, *actor.Actor[take], string) (actor.Handler[take], error) {
			return &bucket{burst, time.Now()}, nil
		},
		Actor:      actor.Spec[take]{Inline: true}, // it only counts: let who asks run it
		Idle:       burst * time.Second / rate,
		Supervisor: tend.Spec{MaxServices: 1_000_000},
	})
}

// limited asks the bucket of the client before it has next serve a request.
func limited(buckets *actor.Group[string, take], client func(*http.Request) string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ok, err := actor.Ask(r.Context(), buckets.To(client(r)), func(r actor.Reply[bool]) take { return take{r} })
		switch {
		case errors.Is(err, tend.ErrTooManyServices), errors.Is(err, actor.ErrGone), errors.Is(err, actor.ErrFull):
			http.Error(w, "try again later", http.StatusServiceUnavailable)
		case err != nil:
			http.Error(w, err.Error(), http.StatusInternalServerError)
		case !ok:
			w.Header().Set("Retry-After", "1")
			http.Error(w, "slow down", http.StatusTooManyRequests)
		default:
			next.ServeHTTP(w, r)
		}
	})
}
