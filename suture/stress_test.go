package suture_test

import (
	"context"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend/suture"
)

// Everything at once, while services crash and the tree is stopped and served
// again. The race detector, and the end of the bubble, say whether it went well.
func TestEverythingAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := suture.Spec{EventHook: func(suture.Event) { runtime.Gosched() }, FailureThreshold: 1e9, Timeout: time.Second}
		root, child := suture.New("root", spec), suture.New("child", spec)
		root.Add(child)
		crash := func() suture.Service {
			return &service{"crash", func(ctx context.Context) error {
				select {
				case <-ctx.Done():
				case <-time.After(time.Duration(rand.IntN(1000)) * time.Millisecond):
				}
				switch rand.IntN(5) {
				case 0:
					panic("crash")
				case 1:
					runtime.Goexit()
				case 2:
					return suture.ErrDoNotRestart
				case 3:
					time.Sleep(2 * time.Second)
				}
				return errBoom
			}}
		}
		ctx, cancel := context.WithCancel(t.Context())
		var users sync.WaitGroup
		for i := range 50 {
			s := root
			if i%2 == 0 {
				s = child
			}
			users.Go(func() {
				for ctx.Err() == nil {
					a, b := s.Add(crash()), s.Add(crash())
					time.Sleep(time.Duration(rand.IntN(500)) * time.Millisecond)
					s.Services()
					_ = s.Remove(a)
					_ = s.RemoveAndWait(b, time.Duration(rand.IntN(200))*time.Millisecond)
				}
			})
		}
		for range 3 {
			serving, stop := context.WithCancel(t.Context())
			result := root.ServeBackground(serving)
			time.Sleep(3 * time.Second)
			stop()
			same(t, "Serve", <-result, context.Canceled)
			_, _ = root.UnstoppedServiceReport()
		}
		cancel()
		users.Wait()
		time.Sleep(time.Minute) // the last that are late
	})
}
