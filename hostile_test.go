package tend_test

// User code may panic, call Goexit, block or call back at any moment. Each kind
// of it, and each thing that it may do, is tried here; the tree lives on.

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
)

// deeds are what hostile code does. Blocking lasts until the test lets go.
type deed struct {
	name string
	do   func(release <-chan struct{}, s *tend.Supervisor)
}

var deeds = []deed{
	{"panics", func(<-chan struct{}, *tend.Supervisor) { panic("hostile") }},
	{"exits", func(<-chan struct{}, *tend.Supervisor) { runtime.Goexit() }},
	{"blocks", func(release <-chan struct{}, _ *tend.Supervisor) { <-release }},
	{"calls back", func(_ <-chan struct{}, s *tend.Supervisor) {
		_, _, _ = s.Status(), s.Services(), s.UnstoppedServices()
		tok := s.Add(idle("of hostile code"))
		_, _ = s.Restart(tok, nil), s.Suspend(tok)
		if err := s.RemoveAndWait(context.Background(), tok); err != nil {
			panic(err)
		}
	}},
}

// hostile runs f for each deed, with a supervisor, and then sees whether that
// still works.
func hostile(t *testing.T, spec func(do func()) tend.Spec, f func(t *testing.T, s *tend.Supervisor, do func(), blocks bool)) {
	t.Helper()
	for _, d := range deeds {
		t.Run(d.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				release := make(chan struct{})
				var s *tend.Supervisor
				do := func() { d.do(release, s) }
				s = tend.New("root", spec(do))
				done := s.ServeBackground(t.Context())
				f(t, s, do, d.name == "blocks")
				lives(t, s)
				var unwatched sync.WaitGroup
				unwatched.Go(s.Stop)
				if err := <-done; err != nil {
					t.Error(err)
				}
				close(release)
				unwatched.Wait()
				time.Sleep(24 * time.Hour)
			})
		})
	}
}

// lives checks that a supervisor does its work.
func lives(t *testing.T, s *tend.Supervisor) {
	t.Helper()
	o := ordered("sign of life")
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	tok, err := s.Start(ctx, tend.Child{Service: o, Backoff: tend.Backoff{Min: time.Second}})
	if err != nil {
		t.Fatal("the tree is dead:", err)
	}
	o.End(errBoom)
	time.Sleep(time.Second)
	o.End(errBoom)
	if err := s.RemoveAndWait(within(t, time.Minute), tok); err != nil {
		t.Error("the tree is dead:", err)
	}
}

func plain(func()) tend.Spec { return tend.Spec{EventHook: func(tend.Event) {}} }

func TestHostileHook(t *testing.T) {
	hook := func(do func()) func(tend.Event) {
		times := 0
		return func(tend.Event) {
			if times++; times <= 100 { // what it calls makes events again
				do()
			}
		}
	}
	hostile(t, func(do func()) tend.Spec { return tend.Spec{EventHook: hook(do)} },
		func(t *testing.T, s *tend.Supervisor, _ func(), blocks bool) {
			if blocks { // even when far more happens than the hook may miss
				for range 3000 {
					if err := s.RemoveAndWait(t.Context(), s.Add(idle("a"))); err != nil {
						t.Fatal(err)
					}
				}
			}
		})
}

// hostileName is a service whose String method is hostile.
type hostileName struct {
	tend.Service
	do func()
}

func (h hostileName) String() string { h.do(); return "name" }

func TestHostileString(t *testing.T) {
	hostile(t, plain, func(t *testing.T, s *tend.Supervisor, do func(), blocks bool) {
		// String runs in the caller of Add; only that one may suffer.
		caller := make(chan struct{})
		go func() {
			defer close(caller)
			s.Add(hostileName{idle("inner"), do})
		}()
		synctest.Wait()
		if !blocks {
			<-caller
		}
		for _, svc := range s.Status().Services {
			if svc.Name != "name" && svc.Name != "tend_test.hostileName" {
				t.Errorf("it is called %q", svc.Name)
			}
		}
	})
}

// hostileError is hostile in one of its methods.
type hostileError struct {
	method string
	do     func()
}

func (h *hostileError) act(method string) {
	if h.method == method {
		h.do()
	}
}
func (h *hostileError) Error() string { h.act("Error"); return "hostile error" }
func (h *hostileError) Unwrap() error { h.act("Unwrap"); return nil }
func (h *hostileError) Is(error) bool { h.act("Is"); return false }

func TestHostileError(t *testing.T) {
	for _, method := range []string{"Error", "Unwrap", "Is"} {
		t.Run(method, func(t *testing.T) {
			hostile(t, plain, func(t *testing.T, s *tend.Supervisor, do func(), blocks bool) {
				err := &hostileError{method, do}
				o := ordered("returns")
				p := ordered("panics with")
				tok := s.Add(o)
				s.Add(p)
				o.End(err)
				p.Run(func(context.Context) error { panic(err) })
				for _, svc := range s.Status().Services {
					switch {
					case blocks && svc.State != tend.StateStopping && svc.Failed != 1:
						t.Errorf("%s is %v, failed %d", svc.Name, svc.State, svc.Failed)
					case !blocks && (svc.State != tend.StateRunning || svc.Failed != 1):
						t.Errorf("%s is %v, failed %d", svc.Name, svc.State, svc.Failed)
					}
				}
				if err := s.Restart(tok, errBoom); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestHostileCause(t *testing.T) {
	for _, d := range deeds {
		bubble(t, func(t *testing.T) {
			release := make(chan struct{})
			s := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
			ctx, cancel := context.WithCancelCause(t.Context())
			s.Add(idle("a"))
			done := s.ServeBackground(ctx)
			cancel(&hostileError{"Error", func() { d.do(release, s) }})
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			close(release)
		})
	}
}

// TestHostileValues: printing a value that holds itself ends the program.
func TestHostileValues(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ring := []any{nil}
		ring[0] = ring
		group := make([]slog.Attr, 1)
		group[0] = slog.Attr{Key: "k", Value: slog.GroupValue(group...)}
		o := ordered("a")
		s, p, _ := serve(t, tend.Spec{}, o)
		p.Lines()
		o.Run(func(context.Context) error { panic(ring) })
		o.Run(func(ctx context.Context) error {
			tend.Annotate(ctx, slog.Any("ring", ring), slog.Any("group", slog.GroupValue(group...)),
				slog.Group("plain", "a", 1, "b", "x", slog.Group("c", "d", time.Second)), slog.Group("ringed", "r", ring))
			return obey(ctx)
		})
		p.Want(`0s root/a service failed err="panic: []interface {}" count=1 threshold=5 restarting`, "0s root/a service started restarts=1")
		var got []string
		for _, a := range s.Status().Services[0].Annotations {
			got = append(got, fmt.Sprintf("%.40s", a))
		}
		want := []string{
			"ring=[]interface {}", "group=" + strings.Repeat("[k=", 12)[:34],
			"plain=[a=1 b=x c=[d=1s]]", "ringed=[r=[]interface {}]",
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("-want +got\n%s", d)
		}
	})
}

// typedNil is an error that is a nil pointer.
type typedNil struct{ text string }

func (n *typedNil) Error() string { return n.text }

func TestHostileTypedNil(t *testing.T) {
	for _, err := range []error{(*typedNil)(nil), (*tend.PanicError)(nil), (*tend.TooManyFailures)(nil)} {
		bubble(t, func(t *testing.T) {
			o := ordered("a")
			_, p, _ := serve(t, tend.Spec{}, o)
			p.Lines()
			o.End(err)
			p.Want(fmt.Sprintf("0s root/a service failed err=%T count=1 threshold=5 restarting", err), "0s root/a service started restarts=1")
		})
	}
}

func TestHostileTexts(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := ordered("bad\x1b[31m name\n\u202e\xff")
		s, p, _ := serve(t, tend.Spec{}, o)
		o.End(errors.New(strings.Repeat("long\x00\n", 10_000)))
		for _, line := range p.Lines() {
			if len(line) > 5000 || strings.ContainsAny(line, "\x00\x1b\n\u202e") {
				t.Errorf("not cleaned: %.200q", line)
			}
		}
		if text := s.Status().String(); strings.Count(text, "\n") != 4 { // headings, two, the sum
			t.Errorf("the table is broken:\n%s", text)
		}
	})
}

func TestHostileAnnotation(t *testing.T) {
	hostile(t, plain, func(t *testing.T, s *tend.Supervisor, do func(), _ bool) {
		s.Add(tend.Func("a", func(ctx context.Context) error {
			tend.Annotate(ctx, slog.Any("value", logValuer(do)), slog.Any("text", hostileName{nil, do}))
			<-ctx.Done()
			return nil
		}))
		synctest.Wait()
		_ = s.Status().String()
	})
}

type logValuer func()

func (f logValuer) LogValue() slog.Value { f(); return slog.IntValue(1) }

func TestHostileHelper(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := ordered("a")
		s, p, _ := serve(t, tend.Spec{}, o)
		p.Lines()
		var late context.Context
		o.Run(func(ctx context.Context) error { // a helper panics: the service ends with that
			late = ctx
			tend.Go(ctx, func(context.Context) error { panic("helper") })
			<-ctx.Done()
			return ctx.Err()
		})
		tend.Go(late, func(context.Context) error { t.Error("started after the end"); return nil })
		o.Run(func(ctx context.Context) error { // Serve fails first: that counts, the helper is waited for
			tend.Go(ctx, func(ctx context.Context) error {
				<-ctx.Done()
				if err := context.Cause(ctx); err.Error() != "tend: Serve has returned" {
					t.Error(err)
				}
				time.Sleep(time.Second)
				return errors.New("not this")
			})
			tend.Go(ctx, func(context.Context) error { return nil })
			return errBoom
		})
		wantStates(t, s, "a stopping")
		time.Sleep(time.Second)
		p.Want(
			`0s root/a service failed err="panic: helper" count=1 threshold=5 restarting`,
			"0s root/a service started restarts=1",
			`0s root/a service also failed err="tend: Go was called when Serve had returned; nothing was started"`,
			`1s root/a service also failed err="not this"`,
			"1s root/a service failed err=boom ran=1s count=1.977 threshold=5 restarting",
			"1s root/a service started restarts=2",
		)
		o.Run(func(ctx context.Context) error { // a helper says that the service is through
			tend.Go(ctx, func(context.Context) error { return fmt.Errorf("over: %w", tend.ErrDoNotRestart) })
			<-ctx.Done()
			return ctx.Err()
		})
		wantStates(t, s, "")
	})
}

// TestPassThroughPanics runs programs that are to crash.
func TestPassThroughPanics(t *testing.T) {
	if how := os.Getenv("TEND_TEST_CRASH"); how != "" {
		crash(how)
		return
	}
	for _, how := range []string{"serve", "helper", "stopping"} {
		t.Run(how, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run=^TestPassThroughPanics$")
			cmd.Env = append(os.Environ(), "TEND_TEST_CRASH="+how)
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 2 || !strings.Contains(string(out), "panic: passed through") ||
				!strings.Contains(string(out), "tend_test.blowUp") || strings.Contains(string(out), "nil pointer") {
				t.Errorf("the program ended with %v and said:\n%s", err, out)
			}
		})
	}
}

func blowUp() { panic("passed through") }

func crash(how string) {
	s := tend.New("root", tend.Spec{PassThroughPanics: true})
	s.Add(tend.Func("a", func(ctx context.Context) error {
		switch how {
		case "helper":
			tend.Go(ctx, func(context.Context) error { blowUp(); return nil })
		case "stopping":
			<-ctx.Done()
		}
		if how != "helper" {
			blowUp()
		}
		<-ctx.Done()
		return nil
	}))
	s.ServeBackground(context.Background())
	if how == "stopping" {
		s.Stop()
	}
	select {}
}

func TestPassThroughPanicsStillReportsGoexit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := ordered("a")
		_, p, _ := serve(t, tend.Spec{PassThroughPanics: true}, o)
		p.Lines()
		o.Run(func(context.Context) error { runtime.Goexit(); return nil })
		p.Want("0s root/a service failed err=ErrGoexit count=1 threshold=5 restarting", "0s root/a service started restarts=1")
	})
}

// TestAContextThatPanicsIsAsIfNobodyHadServed: whatever it is asked, Serve can be called again.
func TestAContextThatPanicsIsAsIfNobodyHadServed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
		s.Add(idle("a"))
		serve := func(at int) (panicked bool) {
			defer func() { panicked = recover() != nil }()
			asked := 0
			s.ServeBackground(&touchy{Context: t.Context(), ask: func() {
				if asked++; asked == at {
					panic("no context")
				}
			}})
			return false
		}
		at := 1
		for at < 50 && serve(at) {
			at++
		}
		if at < 4 || at == 50 {
			t.Errorf("it was asked %d times", at-1)
		}
		synctest.Wait()
		wantStates(t, s, "a running")
		s.Stop()
	})
}

// touchy is a context that may panic whenever it is asked.
type touchy struct {
	context.Context
	ask func()
}

func (p *touchy) Done() <-chan struct{} { p.ask(); return p.Context.Done() }
func (p *touchy) Err() error            { p.ask(); return p.Context.Err() }
func (p *touchy) Value(key any) any     { p.ask(); return p.Context.Value(key) }
