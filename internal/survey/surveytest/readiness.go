package surveytest

import (
	"context"
	"errors"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend"
)

// Readiness lets a tree live through failures and a stop, and compares what a
// gauge of readiness, for each supervisor by its path, shows meanwhile: what
// [tend.Status.Ready] says of each as the root of its own part. It calls gauge once,
// and what that returns at each look. It must be called in a bubble of
// testing/synctest.
func Readiness(t *testing.T, gauge func(shop *tend.Supervisor) (look func() map[string]bool)) {
	t.Helper()
	shop, db := newTree("shop"), newTree("db")
	const delay = 10 * time.Second
	db.Add(tend.Child{Service: failsOnce("conn", delay), Backoff: tend.Backoff{Min: delay}})
	shop.Add(db)
	shop.Add(tend.Child{Service: failsOnce("web", 3*delay), Backoff: tend.Backoff{Min: delay}})
	look := gauge(shop)
	want := func(when string, shop, db bool) {
		t.Helper()
		synctest.Wait()
		if got, want := look(), (map[string]bool{"shop": shop, "shop/db": db}); !maps.Equal(got, want) {
			t.Errorf("ready %s: %v, want %v", when, got, want)
		}
	}

	want("before it is served", false, false)
	ctx, stop := context.WithCancel(t.Context())
	began, ended := time.Now(), shop.ServeBackground(ctx)
	for _, step := range []struct {
		at       time.Duration
		when     string
		shop, db bool
	}{
		{0, "at first", true, true},
		{delay, "when conn has failed, which is db's own matter", true, false},
		{2*delay - 1, "as long as conn waits", true, false},
		{2 * delay, "when conn runs again", true, true},
		{3 * delay, "when web has failed", false, true},
		{4*delay - 1, "as long as web waits", false, true},
		{4 * delay, "when web runs again", true, true},
	} {
		time.Sleep(step.at - time.Since(began))
		want(step.when, step.shop, step.db)
	}
	stop()
	want("while it stops", false, false)
	<-ended
	want("after the end", false, false)
}

func newTree(name string) *tend.Supervisor {
	return tend.New(name, tend.Spec{Jitter: -1, EventHook: func(tend.Event) {}})
}

// failsOnce makes a service that fails after a time, but only in its first run. To
// stop takes it a second.
func failsOnce(name string, after time.Duration) tend.Service {
	runs := 0
	return tend.Func(name, func(ctx context.Context) error {
		if runs++; runs == 1 {
			time.Sleep(after)
			return errors.New("once")
		}
		<-ctx.Done()
		time.Sleep(time.Second)
		return nil
	})
}
