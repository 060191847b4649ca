package suture_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/suture"
)

// Services see the deadline of the context that Serve got, at any depth, as in v4:
// those that hand it to a client tell the other side how long there is.
func TestServicesSeeTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		by := time.Now().Add(time.Hour)
		ctx, cancel := context.WithDeadline(t.Context(), by)
		defer cancel()
		looked := make(chan time.Time, 3)
		seen := func() (all []time.Time) {
			synctest.Wait()
			for len(looked) > 0 {
				all = append(all, <-looked)
			}
			return all
		}
		look := func() suture.Service {
			return &service{"looks", func(ctx context.Context) error {
				d, _ := ctx.Deadline()
				looked <- d
				<-ctx.Done()
				return nil
			}}
		}
		root, child, mid := suture.NewSimple("root"), suture.NewSimple("child"), tend.New("mid", tend.Spec{})
		result := root.ServeBackground(ctx)
		for _, s := range []interface {
			Add(suture.Service) suture.ServiceToken
		}{root, child, mid} {
			s.Add(look())
			synctest.Wait()
			if s == root {
				root.Add(child)
			} else if s == child {
				child.Add(mid)
			}
			synctest.Wait()
		}
		want(t, "deadlines", seen(), []time.Time{by, by, by})
		same(t, "Serve", <-result, context.DeadlineExceeded)

		stop := serve(t, root)
		want(t, "no deadlines", seen(), make([]time.Time, 3))
		_ = stop()
	})
}
