package tend_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/tendtest"
)

const secret = "hunter2"

func hide(text string) string { return strings.ReplaceAll(text, secret, "***") }

// ownError is an error of a type that package errors has not made.
type ownError struct{ text string }

func (e ownError) Error() string { return e.text }

// leaky are services that tell a secret, each in a way of its own.
func leaky() map[string]func(ctx context.Context) error {
	failure := errors.New("password " + secret)
	wait := func(ctx context.Context) error { <-ctx.Done(); return nil }
	return map[string]func(ctx context.Context) error{
		"error":           func(context.Context) error { return failure },
		"wrapped":         func(context.Context) error { return fmt.Errorf("login: %w", failure) },
		"own type":        func(context.Context) error { return ownError{secret} },
		"panic":           func(context.Context) error { panic("password " + secret) },
		"panicked error":  func(context.Context) error { panic(failure) },
		"panicked struct": func(context.Context) error { panic(struct{ password string }{secret}) },
		"do not restart":  func(context.Context) error { return fmt.Errorf("%s: %w", secret, tend.ErrDoNotRestart) },
		"helper": func(ctx context.Context) error {
			tend.Go(ctx, func(context.Context) error { return failure })
			return wait(ctx)
		},
		"beside": func(ctx context.Context) error {
			tend.Go(ctx, func(context.Context) error { return ownError{secret} })
			<-ctx.Done()
			return ownError{"and " + secret}
		},
		"on the way down": func(ctx context.Context) error { <-ctx.Done(); return failure },
		"noted": func(ctx context.Context) error {
			tend.Annotate(ctx, slog.Any("draining", failure), slog.Group("group", "err", failure),
				slog.Any("asked", resolved{slog.AnyValue(failure)}))
			return wait(ctx)
		},
	}
}

// What Redact cuts out reaches no log, no status and no event, from wherever in the tree
// it comes, and programs get the errors as they are.
func TestRedact(t *testing.T) {
	var log bytes.Buffer
	var mu sync.Mutex
	old := slog.Default()
	defer slog.SetDefault(old)
	slog.SetDefault(slog.New(slog.NewTextHandler(writerFunc(func(b []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return log.Write(b)
	}), &slog.HandlerOptions{Level: slog.LevelDebug})))
	bubble(t, func(t *testing.T) {
		raw := 0
		root := tend.New("root", tend.Spec{Redact: hide, FailureThreshold: 1000})
		below := tend.New("below", tend.Spec{FailureThreshold: 1000})
		weary := tend.New("weary", tend.Spec{Escalate: true, FailureThreshold: 1, EventHook: func(tend.Event) { panic("hook " + secret) }})
		weary.Add(tend.Func("error", leaky()["error"]))
		root.Add(weary)
		root.Add(below)
		for name, f := range leaky() {
			root.Add(tend.Child{Service: tend.Func(name, f), Backoff: tend.Backoff{Min: time.Hour}, Name: name})
			below.Add(tend.Child{Service: tend.Func(name, f), Limit: tend.Limit{N: 1}, Name: name})
		}
		idle := root.Add(idle("idle"))
		ctx, cancel := context.WithCancelCause(t.Context())
		var told strings.Builder
		events := root.Events(t.Context())
		read := make(chan struct{})
		go func() {
			defer close(read)
			for e := range events {
				data, err := json.Marshal(e)
				fmt.Fprintln(&told, e, string(data), err)
				if f, is := e.(tend.ServiceFailed); is && f.Err.Err != nil && strings.Contains(f.Err.Err.Error(), secret) {
					raw++
				}
				if _, over := e.(tend.SupervisorStopped); over && e.From().Path() == "root" {
					return
				}
			}
		}()
		served := root.ServeBackground(ctx)
		time.Sleep(time.Minute)
		if err := root.Restart(idle, ownError{"cause " + secret}); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		status := func() {
			data, err := json.Marshal(root.Status())
			fmt.Fprintln(&told, root.Status(), string(data), err)
		}
		status()
		cancel(ownError{"stop " + secret})
		synctest.Wait()
		fmt.Fprintln(&told, <-served)
		<-read
		status()
		mu.Lock()
		defer mu.Unlock()
		for name, text := range map[string]string{"the log": log.String(), "status and events": told.String()} {
			if i := strings.Index(text, secret); i >= 0 {
				t.Errorf("%s: %s", name, text[max(0, i-200):min(len(text), i+50)])
			}
			if n := strings.Count(text, "***"); n < 20 {
				t.Errorf("%s: it was cut out %d times", name, n)
			}
		}
		if raw < 20 {
			t.Errorf("%d failures had their errors", raw)
		}
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// Each supervisor has its say, the lowest first; where none has, nothing changes.
func TestRedactOfSeveral(t *testing.T) {
	bubble(t, func(t *testing.T) {
		letter := func(c string) func(string) string { return func(s string) string { return s + c } }
		root, middle, low := tend.New("root", tend.Spec{Redact: letter("3")}), tend.New("middle", tend.Spec{}), tend.New("low", tend.Spec{Redact: letter("1")})
		if got := low.Reason(io.EOF).Text; got != "EOF1" {
			t.Errorf("by itself: %q", got)
		}
		middle.Add(low)
		root.Add(middle)
		for s, want := range map[*tend.Supervisor]string{low: "EOF13", middle: "EOF3", root: "EOF3", tend.New("other", tend.Spec{}): "EOF"} {
			if r := s.Reason(io.EOF); r.Text != want || r.Err != io.EOF {
				t.Errorf("%s: %+v, want %q", s, r, want)
			}
			if !s.Reason(nil).IsZero() {
				t.Errorf("%s has something to say of nothing", s)
			}
		}
	})
}

// A Redact that does not do its work lets nothing pass, and what it makes is bounded as
// any text is.
func TestRedactThatMisbehaves(t *testing.T) {
	for name, c := range map[string]struct {
		redact func(string) string
		want   string
	}{
		"panic":  {func(string) string { panic(secret) }, "*errors.errorString"},
		"exit":   {func(string) string { runtime.Goexit(); return "" }, "*errors.errorString"},
		"empty":  {func(string) string { return "" }, "*errors.errorString"},
		"lines":  {func(string) string { return "a\nb\x1b" }, "a b\ufffd"},
		"length": {func(string) string { return strings.Repeat("x", 10_000) }, strings.Repeat("x", 4096) + "…"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s, _, _ := serve(t, tend.Spec{Redact: c.redact}, tend.Child{
					Service: tend.Func("a", func(context.Context) error { return errors.New(secret) }), Limit: tend.Limit{N: 1},
				})
				f := s.Status().Services[0].Failures
				if len(f) != 1 || f[0].Err.Error() != c.want {
					t.Errorf("%+v, want %q", f, c.want)
				}
			})
		})
	}
}

// A cause of which nothing is left is one all the same: the stop comes to its end.
func TestAStopWhoseCauseSaysNothing(t *testing.T) {
	for name, c := range map[string]struct {
		redact func(string) string
		cause  error
	}{
		"empty":    {nil, errors.New("")},
		"spaces":   {nil, errors.New("  ")},
		"redacted": {func(string) string { return "" }, errors.New(secret)},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := tend.New("root", tend.Spec{Redact: c.redact, EventHook: func(tend.Event) {}})
				below := tend.New("below", tend.Spec{})
				below.Add(tendtest.Idle("a"))
				s.Add(below)
				ctx, cancel := context.WithCancelCause(t.Context())
				done := s.ServeBackground(ctx)
				synctest.Wait()
				cancel(c.cause)
				if err := <-done; !errors.Is(err, c.cause) {
					t.Errorf("it ended with %v", err)
				}
			})
		})
	}
}

// What a service tells of an error by itself is what its tree tells of it, and outside of
// one what the error says.
func TestReasonsOfServicesAreRedacted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		said := make(chan []tend.Reason, 1)
		below := tend.New("below", tend.Spec{})
		below.Add(tend.Func("a", func(ctx context.Context) error {
			inner, cancel := context.WithCancel(ctx)
			defer cancel()
			said <- []tend.Reason{tend.NewReason(inner, ownError{secret}), tend.NewReason(inner, nil)}
			<-ctx.Done()
			return nil
		}))
		serve(t, tend.Spec{Redact: hide}, below)
		r := <-said
		if r[0].Text != "***" || r[0].Err != (ownError{secret}) || !r[1].IsZero() {
			t.Errorf("%+v", r)
		}
		if r := tend.NewReason(t.Context(), io.EOF); r != (tend.Reason{Err: io.EOF, Text: "EOF"}) || !tend.NewReason(t.Context(), nil).IsZero() {
			t.Errorf("outside: %+v", r)
		}
	})
}
