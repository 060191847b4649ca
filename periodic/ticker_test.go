package periodic_test

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/periodic"
)

func TestTicker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ticks []string
		began := time.Now()
		root := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}, Jitter: -1})
		child := periodic.Ticker("tick", 10*time.Second, func(context.Context) error {
			ticks = append(ticks, time.Since(began).String())
			switch len(ticks) {
			case 2:
				time.Sleep(25 * time.Second) // over the next two
			case 4:
				return io.EOF
			}
			return nil
		})
		child.Watchdog = 30 * time.Second
		root.Add(child)
		ctx, cancel := context.WithCancel(t.Context())
		result := root.ServeBackground(ctx)
		time.Sleep(75 * time.Second)
		synctest.Wait()
		if diff := cmp.Diff([]string{"10s", "20s", "45s", "50s", "1m0s", "1m10s"}, ticks); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
		if s := root.Status().Services[0]; s.Name != "tick" || s.Failed != 1 {
			t.Errorf("%+v", s)
		}
		cancel()
		<-result
	})
}

// A service that is always started again before the period is over ticks as others
// do, and no start puts a tick off.
func TestTicksOutliveTheService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ticks []string
		began := time.Now()
		child := periodic.Ticker("tick", 150*time.Second, func(context.Context) error {
			ticks = append(ticks, time.Since(began).String())
			return nil
		})
		for range 8 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			if err := child.Serve(ctx); err != nil {
				t.Error(err)
			}
			cancel()
		}
		equal(t, ticks, []string{"2m30s", "5m0s", "7m30s"})
	})
}

func TestTickerPanics(t *testing.T) {
	for want, f := range map[string]func(){
		`tend/periodic: Ticker "x": the function is nil`: func() { periodic.Ticker("x", time.Second, nil) },
		`tend/periodic: Ticker "x": the period is 0s`:    func() { periodic.Ticker("x", 0, func(context.Context) error { return nil }) },
	} {
		if got := recovered(f); got != want {
			t.Errorf("panicked with %v, want %q", got, want)
		}
	}
}
