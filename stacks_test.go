package tend_test

import (
	"context"
	"fmt"
	"runtime/pprof"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
)

// TestStacksBesideLabelsOfUsers: a service that has labels of its own, with any words
// for keys, is found all the same, and so are its labels.
func TestStacksBesideLabelsOfUsers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		own := pprof.Labels("service", "mine", "supervisor", "mine too")
		s, _, _ := serve(t, tend.Spec{}, tend.Func("a", func(ctx context.Context) (err error) {
			pprof.Do(ctx, own, func(ctx context.Context) { err = obey(ctx) })
			return err
		}))
		stacks, err := s.Stacks(s.Status().Services[0].Token)
		if err != nil || !containsAll(stacks, "1 goroutine:", "tend_test.obey") {
			t.Errorf("%v\n%s", err, stacks)
		}
		var profile strings.Builder
		if err := pprof.Lookup("goroutine").WriteTo(&profile, 1); err != nil {
			t.Fatal(err)
		}
		if text := profile.String(); !containsAll(text, `"service":"mine"`, `"supervisor":"mine too"`, `"tend.service":"root/a#`) {
			t.Errorf("the profile has not all labels:\n%s", text)
		}
	})
}

// askedForLabels counts who looks for labels in it: that is code of users, and no goroutine
// but that of the caller of Serve is to meet it.
type askedForLabels struct {
	context.Context
	n atomic.Int64
}

func (c *askedForLabels) Value(key any) any {
	if fmt.Sprintf("%T", key) == "pprof.labelContextKey" {
		c.n.Add(1)
	}
	return c.Context.Value(key)
}

// TestLabelsAreLookedForOnce, however many services there are, by the first supervisor that
// has labels.
func TestLabelsAreLookedForOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for _, c := range []struct {
			root, below bool // have labels
			want        int64
		}{{false, false, 0}, {false, true, 1}, {true, false, 1}, {true, true, 1}} {
			s := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}, NoLabels: !c.root})
			for range 5 {
				s.Add(idle("a"))
			}
			below := tend.New("below", tend.Spec{NoLabels: !c.below})
			for range 5 {
				below.Add(idle("a"))
			}
			s.Add(below)
			ctx := &askedForLabels{Context: t.Context()}
			s.ServeBackground(ctx)
			synctest.Wait()
			s.Stop()
			if n := ctx.n.Load(); n != c.want {
				t.Errorf("%+v: it was asked %d times", c, n)
			}
		}
	})
}

// TestStacksServeASecond: whoever asks within a second gets what was found, and
// nobody what is older.
func TestStacksServeASecond(t *testing.T) {
	bubble(t, func(t *testing.T) {
		sub := tend.New("sub", tend.Spec{})
		s, _, _ := serve(t, tend.Spec{}, idle("a"), sub)
		ask := func(tok tend.ServiceToken) string {
			stacks, err := s.Stacks(tok)
			if err != nil {
				return err.Error()
			}
			return stacks
		}
		first := s.Status().Services[0].Token
		found := ask(first)
		second, below := s.Add(idle("b")), sub.Add(idle("c"))
		time.Sleep(time.Second - 1)
		for _, tok := range []tend.ServiceToken{second, below} { // one looks for the whole tree
			if got := ask(tok); got != "tend: no stacks: no goroutine has its label" {
				t.Errorf("looked again: %s", got)
			}
		}
		if got := ask(first); got != found || !strings.HasPrefix(got, "1 goroutine:\n") {
			t.Errorf("not what was found: %s", got)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if got := ask(second); !strings.HasPrefix(got, "1 goroutine:\n") {
			t.Errorf("after a second: %s", got)
		}
	})
}

// TestStacksOfPanicsAreOfTheService: they begin with the function that panicked and end
// with the outermost of the service, wherever in it that was.
func TestStacksOfPanicsAreOfTheService(t *testing.T) {
	const here = "github.com/tend-go/tend_test."
	for name, c := range map[string]struct {
		run  func(context.Context) error
		want []string
	}{
		"Serve": {func(context.Context) error { return blow("x") }, []string{here + "blow", here + "TestStacksOfPanicsAreOfTheService.func1"}},
		"nil dereference": {func(context.Context) error {
			var p *ballast
			p.serve = nil //nolint:govet // that is the panic
			return nil
		}, []string{here + "TestStacksOfPanicsAreOfTheService.func2"}},
		"helper": {func(ctx context.Context) error {
			tend.Go(ctx, func(context.Context) error { return blow("x") })
			return obey(ctx)
		}, []string{here + "blow", here + "TestStacksOfPanicsAreOfTheService.func3.1"}},
		"deep": {func(context.Context) error { return deep(100) }, append([]string{here + "blow"}, slices.Repeat([]string{here + "deep"}, 62)...)},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				runs := 0
				s, _, _ := serve(t, tend.Spec{}, tend.Child{Restart: tend.Transient, Service: tend.Func("a", func(ctx context.Context) error {
					if runs++; runs > 1 {
						return nil
					}
					return c.run(ctx)
				})})
				synctest.Wait()
				var functions []string
				for line := range strings.Lines(s.Status().Services[0].Failures[0].Err.Stack()) {
					if !strings.HasPrefix(line, "\t") {
						functions = append(functions, strings.TrimSpace(line))
					}
				}
				if name == "Serve" || name == "nil dereference" { // of a helper it is not there, of the deep one not kept
					c.want = append(c.want, here+"TestStacksOfPanicsAreOfTheService.func5.1.1")
				}
				if diff := cmp.Diff(c.want, functions); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func deep(n int) error {
	if n == 0 {
		return blow("x")
	}
	return deep(n - 1)
}
