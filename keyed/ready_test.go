package keyed_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/keyed"
	"github.com/tend-go/tend/tendtest"
)

// TestOneSickKeyAndReadiness: one that comes later does not make the tree unready; one that is
// there at first and has to say that it is ready is waited for.
func TestOneSickKeyAndReadiness(t *testing.T) {
	for _, first := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			root := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
			s := keyed.New[string]("set", keyed.Spec{})
			root.Add(s)
			sick := tend.Child{Service: tendtest.Failing("x", errors.New("boom")), ReadyTimeout: time.Minute}
			if first {
				wantError(t, s.Put("sick", sick), nil)
			}
			done := root.ServeBackground(t.Context())
			synctest.Wait()
			wantError(t, s.Put("sick", sick), nil)
			synctest.Wait()
			if err := root.Status().Ready(); (err != nil) != first {
				t.Errorf("there from the beginning: %v; ready: %v", first, err)
			}
			root.Stop()
			wantError(t, <-done, nil)
		})
	}
}
