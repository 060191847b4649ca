package tendtest_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/tendtest"
)

var errBoom = errors.New("boom")

// fake is the test of a user, which may fail.
type fake struct {
	testing.TB
	ctx      context.Context
	cleanups []func()
	failures []string
	logs     []string
}

// try runs a user's test to its end, and its cleanups, beside this one.
func try(t *testing.T, test func(t testing.TB)) *fake {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	f := &fake{TB: t, ctx: ctx}
	done := make(chan bool)
	go func() {
		defer close(done)
		defer f.cleanup()
		defer cancel()
		test(f)
	}()
	<-done
	return f
}

func (f *fake) cleanup() {
	for len(f.cleanups) > 0 {
		last := f.cleanups[len(f.cleanups)-1]
		f.cleanups = f.cleanups[:len(f.cleanups)-1]
		last()
	}
}

func (f *fake) Helper()                  {}
func (f *fake) Name() string             { return "TestUser" }
func (f *fake) Context() context.Context { return f.ctx }
func (f *fake) Cleanup(c func())         { f.cleanups = append(f.cleanups, c) }
func (f *fake) Failed() bool             { return len(f.failures) > 0 }
func (f *fake) Error(args ...any)        { f.failures = append(f.failures, fmt.Sprint(args...)) }
func (f *fake) Log(args ...any)          { f.logs = append(f.logs, fmt.Sprint(args...)) }
func (f *fake) Logf(format string, args ...any) {
	f.Log(fmt.Sprintf(format, args...))
}

func (f *fake) Errorf(format string, args ...any) {
	f.Error(fmt.Sprintf(format, args...))
}

func (f *fake) Fatal(args ...any) {
	f.Error(args...)
	runtime.Goexit()
}

func (f *fake) Fatalf(format string, args ...any) {
	f.Fatal(fmt.Sprintf(format, args...))
}

// wantFailures compares what the user's test has failed with, failure by failure: each must
// have all parts of its line, which are separated by " … ".
func wantFailures(t *testing.T, f *fake, want ...string) {
	t.Helper()
	same := len(f.failures) == len(want)
	for i := 0; same && i < len(want); i++ {
		same = !slices.ContainsFunc(strings.Split(want[i], " … "), func(part string) bool { return !strings.Contains(f.failures[i], part) })
	}
	if !same {
		t.Errorf("the test has failed with %d:\n%s\nwant %d:\n%s", len(f.failures), strings.Join(f.failures, "\n---\n"), len(want), strings.Join(want, "\n---\n"))
	}
}

// bubble runs a test in virtual time.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

// calm is a Spec in which nothing is by chance.
func calm(spec tend.Spec) tend.Spec {
	spec.Jitter = -1
	return spec
}

// root makes a supervisor of that name with services.
func root(spec tend.Spec, services ...tend.Service) *tend.Supervisor {
	s := tend.New("root", calm(spec))
	for _, svc := range services {
		s.Add(svc)
	}
	return s
}

// within is a context that ends after d.
func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

var idle = tendtest.Idle
