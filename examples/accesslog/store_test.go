package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

func TestSettled(t *testing.T) {
	s := settled{next: 1, ahead: map[int]bool{}}
	for i, step := range []struct {
		line, next, ahead int
		isNew             bool
	}{
		{3, 1, 1, true},
		{1, 2, 1, true},
		{1, 2, 1, false},
		{3, 2, 1, false},
		{2, 4, 0, true},
		{2, 4, 0, false},
		{3, 4, 0, false},
		{4, 5, 0, true},
	} {
		isNew := s.add(step.line)
		if isNew != step.isNew || s.next != step.next || len(s.ahead) != step.ahead {
			t.Errorf("step %d: add(%d) is %t, next %d, %d ahead; want %+v", i, step.line, isNew, s.next, len(s.ahead), step)
		}
	}
}

// serveStore runs s until the test ends.
func serveStore(t *testing.T, s *store) (stop context.CancelFunc) {
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil { // a supervisor in small
			func() {
				defer func() { _ = recover() }()
				_ = s.Serve(ctx)
			}()
		}
	}()
	t.Cleanup(func() { stop(); <-ended })
	return stop
}

// Counting a line again changes nothing, whenever it comes.
func TestStoreCountsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		serveStore(t, s)
		bad := func(n int) result { return result{number: n, malformed: true} }
		for _, n := range []int{2, 1, 2, 1, 3} {
			if err := s.commit(t.Context(), bad(n)); err != nil {
				t.Fatal(err)
			}
		}
		c, err := s.snapshot(t.Context())
		if err != nil || c.Lines != 3 || c.Malformed != 3 {
			t.Errorf("counted %d lines, %d malformed (%v), want 3 and 3", c.Lines, c.Malformed, err)
		}
	})
}

// The log is complete when its end is known and every line is counted, in
// whatever order that happens.
func TestStoreComplete(t *testing.T) {
	line := func(n int) func(*store, context.Context) error {
		return func(s *store, ctx context.Context) error { return s.commit(ctx, result{number: n, malformed: true}) }
	}
	end := func(lines int) func(*store, context.Context) error {
		return func(s *store, ctx context.Context) error { return s.end(ctx, lines) }
	}
	type steps []func(*store, context.Context) error
	for name, test := range map[string]steps{
		"empty":           {end(0)},
		"end last":        {line(1), line(2), end(2)},
		"end first":       {end(2), line(2), line(1)},
		"end in between":  {line(2), end(3), line(3), line(1)},
		"end told again":  {line(2), end(2), end(2), line(1)},
		"counted already": {line(1), line(1), end(2), line(1), line(2)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStore()
				serveStore(t, s)
				for i, step := range test {
					select {
					case <-s.complete:
						t.Fatalf("complete before step %d", i)
					default:
					}
					if err := step(s, t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				<-s.complete
				if err := s.end(t.Context(), s.lines); err != nil { // a reader that is restarted after the end
					t.Fatal(err)
				}
			})
		})
	}
}

func TestAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		gone, cancel := context.WithCancelCause(t.Context())
		left := errors.New("left")
		cancel(left)
		if _, err := s.snapshot(gone); !errors.Is(err, left) {
			t.Errorf("nobody serves, and snapshot returned %v, want the caller's own cause", err)
		}
		stop := serveStore(t, s)
		if _, err := ask(t.Context(), s, func(*store) int { panic("crashed") }); !errors.Is(err, errNoAnswer) {
			t.Errorf("a question that crashed the store was answered with %v", err)
		}
		if n, err := ask(t.Context(), s, func(*store) int { return 7 }); n != 7 || err != nil {
			t.Errorf("the next question was answered with %d, %v", n, err)
		}
		hang := make(chan struct{})
		asker, leave := context.WithCancelCause(t.Context())
		answered := make(chan error, 1)
		go func() {
			_, err := ask(asker, s, func(*store) none { <-hang; return none{} })
			answered <- err
		}()
		synctest.Wait()
		leave(left)
		if err := <-answered; !errors.Is(err, left) {
			t.Errorf("an asker that left got %v", err)
		}
		close(hang)
		stop()
	})
}
