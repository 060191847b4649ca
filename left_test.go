package tend_test

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/tend-go/tend"
)

// ballast is a service, or what one holds, that can be seen to be collected.
type ballast struct {
	serve func(context.Context) error
	_     [1 << 10]byte
}

func (b *ballast) Serve(ctx context.Context) error { return b.serve(ctx) }

// wantCollected fails the test if something is still held.
func wantCollected(t *testing.T, what string, p weak.Pointer[ballast]) {
	t.Helper()
	synctest.Wait()
	for range 3 {
		runtime.GC()
	}
	if p.Value() != nil {
		t.Errorf("%s is held", what)
	}
}

// TestWhatLeftIsCollected, at once and in the last turn of the supervisor too, though
// tokens and events of it are kept; and the token is still good for what it is good
// for.
func TestWhatLeftIsCollected(t *testing.T) {
	for name, wrap := range map[string]func(tend.Service) tend.Service{
		"plain": func(svc tend.Service) tend.Service { return svc },
		"with settings": func(svc tend.Service) tend.Service {
			return tend.Child{Service: svc, ReadyTimeout: time.Hour, Watchdog: time.Hour, Limit: tend.Limit{N: 3}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s, p, _ := serve(t, tend.Spec{}, idle("stays"))
				added := func() (tend.ServiceToken, weak.Pointer[ballast]) {
					b := &ballast{serve: obey}
					return s.Add(wrap(b)), weak.Make(b)
				}
				removed, service := added()
				_ = s.Restart(removed, errBoom) // into its history
				synctest.Wait()
				_ = s.RemoveAndWait(t.Context(), removed)
				wantCollected(t, "a removed service", service)
				if err := s.RemoveAndWait(t.Context(), removed); err != nil {
					t.Error(err)
				}
				wantError(t, s.Restart(removed, nil), tend.ErrRemoved)
				wantError(t, s.Suspend(removed), tend.ErrRemoved)
				s.Stop()
				pending, service := added()
				_ = s.RemoveAndWait(t.Context(), pending)
				wantCollected(t, "one that never ran", service)
				runtime.KeepAlive(p.Events())
			})
		})
	}
}

// TestLastWordsAreNotKept: what the supervisor did last holds nothing, however long
// nothing else happens.
func TestLastWordsAreNotKept(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
		done := s.ServeBackground(t.Context())
		word := func() weak.Pointer[ballast] {
			b := &ballast{}
			tok := s.Add(tend.Func("a", func(ctx context.Context) error { <-ctx.Done(); return holding{b} }))
			synctest.Wait()
			_ = s.RemoveAndWait(t.Context(), tok)
			return weak.Make(b)
		}()
		wantCollected(t, "what a removed service returned", word)
		s.Stop()
		<-done
	})
}

// holding is an error that holds something.
type holding struct{ *ballast }

func (holding) Error() string { return "holding" }

// TestAContextIsNotKeptAfterServe: of a supervisor that is not served any more.
func TestAContextIsNotKeptAfterServe(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
		s.Add(idle("a"))
		s.Add(tend.Child{Service: idle("with settings"), Timeout: time.Minute})
		s.Add(tend.Child{Service: failing("waits"), Backoff: tend.Backoff{Min: time.Hour}})
		s.Add(tend.New("sub", tend.Spec{}))
		type key struct{}
		value := func() weak.Pointer[ballast] {
			b := &ballast{}
			done := s.ServeBackground(context.WithValue(t.Context(), key{}, b))
			synctest.Wait()
			s.Stop()
			<-done
			return weak.Make(b)
		}()
		wantCollected(t, "a value of the context", value)
		runtime.KeepAlive(s)
	})
}

// TestHistoryHoldsNoValuesOfPanics: what they said, and where they happened, is kept;
// an error is, as one that was returned.
func TestHistoryHoldsNoValuesOfPanics(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := ordered("a")
		s := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
		s.Add(o)
		done := s.ServeBackground(t.Context())
		value := func() weak.Pointer[ballast] {
			b := &ballast{}
			o.Run(func(context.Context) error { panic(b) })
			return weak.Make(b)
		}()
		o.Run(func(context.Context) error { panic(errBoom) })
		wantCollected(t, "the value of a panic", value)
		failures := s.Status().Services[0].Failures
		if f := failures[0]; len(f.Err.Text) < 10 || f.Err.Stack() == "" || f.Err.Err.Error() != f.Err.Text {
			t.Errorf("it is %+v", f)
		}
		wantError(t, failures[1].Err, errBoom)
		s.Stop()
		<-done
	})
}
