package suture_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/suture"
)

// An orderly stop makes no failures, restarts or pauses: in v4 the loop of every
// supervisor sees that its context has ended before anything else. However deep they
// are, services may end because of what they see before it is their turn to be asked:
// the program's context, which they have captured or which a client of theirs has; or
// a resource that a service further up has closed when it stopped.
func TestAnOrderlyStopMakesNoFailures(t *testing.T) {
	for name, ends := range map[string]func(program context.Context, closed <-chan struct{}) <-chan struct{}{
		"the program's context ends":        func(program context.Context, _ <-chan struct{}) <-chan struct{} { return program.Done() },
		"a service above closes a resource": func(_ context.Context, closed <-chan struct{}) <-chan struct{} { return closed },
	} {
		for _, between := range []string{"none", "of this package", "of package tend", "both"} {
			t.Run(fmt.Sprintf("%s, supervisors between: %s", name, between), func(t *testing.T) {
				for range 100 {
					synctest.Test(t, func(t *testing.T) { orderlyStop(t, between, ends) })
				}
			})
		}
	}
}

func orderlyStop(t *testing.T, between string, ends func(context.Context, <-chan struct{}) <-chan struct{}) {
	program, cancel := context.WithCancel(t.Context())
	defer cancel()
	l, closed := newLog(), make(chan struct{})
	spec := suture.Spec{EventHook: l.hook, FailureThreshold: 0.5, FailureBackoff: time.Millisecond}
	root := suture.New("root", spec)
	root.Add(&service{"closes", func(ctx context.Context) error { <-ctx.Done(); close(closed); return nil }})
	lowest := root
	add := root.Add
	if between == "of package tend" || between == "both" {
		mid := tend.New("mid", tend.Spec{FailureThreshold: 0.5, Ordered: true})
		add(mid)
		add = mid.Add
	}
	if between == "of this package" || between == "both" {
		lowest = suture.New("child", spec)
		add(lowest)
		add = lowest.Add
	}
	runs := 0
	for i, err := range []error{errBoom, context.Canceled, nil} {
		svc := &service{fmt.Sprint(i), nil}
		svc.serve = func(context.Context) error {
			if i == 0 {
				runs++
			}
			<-ends(program, closed)
			return err
		}
		add(svc)
	}
	result := root.ServeBackground(program)
	synctest.Wait()
	cancel()
	same(t, "Serve", <-result, context.Canceled)
	time.Sleep(time.Hour)
	want(t, "runs", runs, 1)
	want(t, "events", l.lines(), nil)
}
