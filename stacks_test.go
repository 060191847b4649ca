package tend_test

import (
	"context"
	"runtime/pprof"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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
		if text := profile.String(); !containsAll(text, `"service":"mine"`, `"supervisor":"mine too"`, `"tend.service":"a#`, `"tend.supervisor":"root"`) {
			t.Errorf("the profile has not all labels:\n%s", text)
		}
	})
}

// TestStacksServeASecond: whoever asks within a second gets what was found, and
// nobody what is older.
func TestStacksServeASecond(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _, _ := serve(t, tend.Spec{}, idle("a"))
		ask := func(tok tend.ServiceToken) string {
			stacks, err := s.Stacks(tok)
			if err != nil {
				return err.Error()
			}
			return stacks
		}
		first := s.Status().Services[0].Token
		found := ask(first)
		second := s.Add(idle("b"))
		time.Sleep(time.Second - 1)
		if got := ask(second); got != "tend: no stacks: no goroutine has its label" {
			t.Errorf("looked again: %s", got)
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

// TestStacksOfPanicsBeginThere: with the panic, and the function that panicked below
// it, wherever in a service that was.
func TestStacksOfPanicsBeginThere(t *testing.T) {
	for name, run := range map[string]func(context.Context) error{
		"Serve": func(context.Context) error { return blow("x") },
		"helper": func(ctx context.Context) error {
			tend.Go(ctx, func(context.Context) error { return blow("x") })
			return obey(ctx)
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				o := ordered("a")
				s, _, _ := serve(t, tend.Spec{}, o)
				o.Run(run)
				var functions []string
				for line := range strings.Lines(s.Status().Services[0].Failures[0].Err.Stack()) {
					if !strings.HasPrefix(line, "\t") {
						functions = append(functions, strings.TrimSpace(line))
					}
				}
				if functions[0] != "runtime.gopanic" || functions[1] != "github.com/tend-go/tend_test.blow" {
					t.Errorf("%q", functions)
				}
			})
		})
	}
}
