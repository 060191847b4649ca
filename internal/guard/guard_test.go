package guard

import (
	"errors"
	"fmt"
	"runtime"
	"testing"
)

func TestDo(t *testing.T) {
	if !Do(func() {}) {
		t.Error("what has returned has not")
	}
	if Do(func() { panic("x") }) {
		t.Error("what has panicked has returned")
	}
	if Do(func() { panic(nil) }) { //nolint:govet // that is the question
		t.Error("what has panicked with nil has returned")
	}
}

func TestTry(t *testing.T) {
	own := errors.New("own")
	caught := func(v any) error { return fmt.Errorf("caught %v", v) }
	for _, c := range []struct {
		name string
		f    func() error
		want string
	}{
		{"nil", func() error { return nil }, "<nil>"},
		{"an error", func() error { return own }, "own"},
		{"a panic", func() error { panic("x") }, "caught x"},
		{"a panic with an error", func() error { panic(own) }, "caught own"},
	} {
		if got := fmt.Sprint(Try(c.f, caught)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// Goexit goes on: the caller's deferred functions run, and nothing else of it.
func TestGoexit(t *testing.T) {
	for name, call := range map[string]func(){
		"Do": func() { Do(runtime.Goexit) },
		"Try": func() {
			_ = Try(func() error { runtime.Goexit(); return nil }, func(v any) error { panic(v) })
		},
	} {
		ended := make(chan string)
		go func() {
			result := "exited"
			defer func() { ended <- result }()
			call()
			result = "returned"
		}()
		if got := <-ended; got != "exited" {
			t.Errorf("%s has %s", name, got)
		}
	}
}

// Who makes an error of a panic finds the place of it where Try says.
func TestCaughtSeesThePanic(t *testing.T) {
	var name string
	_ = Try(func() error { panic("x") }, func(any) error {
		var pcs [1]uintptr
		runtime.Callers(3, pcs[:]) // less Callers, this and the deferred function
		f, _ := runtime.CallersFrames(pcs[:]).Next()
		name = f.Function
		return nil
	})
	if name != "runtime.gopanic" {
		t.Errorf("two frames on there is %s", name)
	}
}

func TestGuardsDoNotAllocate(t *testing.T) {
	n := 0
	if got := testing.AllocsPerRun(100, func() {
		Do(func() { n++ })
		_ = Try(func() error { n++; return nil }, func(any) error { return nil })
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
}
