package keyed

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/tendtest"
)

// TestAReplacementThatLeavesAtOnce leaves no key behind, though it has left before it is noted
// that it came.
func TestAReplacementThatLeavesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New[string]("s", Spec{Supervisor: tend.Spec{EventHook: func(tend.Event) {}}})
		result := s.Supervisor().ServeBackground(t.Context())
		if err := s.Put("k", tendtest.Idle("a")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		s.changing.Lock()
		n := s.prepare("k", tend.Func("b", func(context.Context) error { return tend.ErrDoNotRestart }), nil)
		answer := s.ask(n)
		synctest.Wait()
		if err := s.enter(n, answer); err != nil {
			t.Error(err)
		}
		s.changing.Unlock()
		if _, is := s.Get("k"); is || s.Len() != 0 {
			t.Errorf("it is there: %v, %d are", is, s.Len())
		}
		s.Supervisor().Stop()
		<-result
	})
}
