package app

import (
	"fmt"
	"sync"
	"time"
)

// errand is something that is done again and again on demand, one time at a
// time, in a goroutine of its own. Demands while it is being done make one more
// time after it.
type errand struct {
	do func()

	mu     sync.Mutex
	doing  bool
	wanted bool
}

// want has it done. It never waits.
func (e *errand) want() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.wanted = true
	if !e.doing {
		e.doing = true
		go e.run()
	}
}

func (e *errand) run() {
	for e.more() {
		_ = try(func() error { e.do(); return nil })
	}
}

func (e *errand) more() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.doing = e.wanted
	e.wanted = false
	return e.doing
}

// within does f in a goroutine of its own and waits for it, at most d. The
// writers and loggers of users may hang and the errors of services may do
// anything when asked, but a program that is to end has to.
func within(d time.Duration, f func()) bool {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { _ = recover() }()
		f()
	}()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}

// textOf is what an error says, which is user code.
func textOf(err error) (text string) {
	text = fmt.Sprintf("%T", err)
	_ = try(func() error { text = err.Error(); return nil })
	return text
}

// try calls f, which is user code, and makes an error of a panic.
func try(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	return f()
}
