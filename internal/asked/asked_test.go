package asked

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
)

// tree takes its time for each answer, which is the answer's number.
type tree struct {
	takes []float64 // seconds; the last goes on for ever
	asked int
}

func (t *tree) ask() int {
	t.asked++
	n := t.asked
	time.Sleep(seconds(t.takes[min(n, len(t.takes))-1]))
	return n
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// TestWhoGetsWhichAnswer: each line is who came, in seconds, and when they got which
// answer.
func TestWhoGetsWhichAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		age, patience time.Duration
		takes         []float64
		come          []float64
		got           []string
	}{
		"one after the other": {
			takes: []float64{1}, come: []float64{0, 2, 4}, got: []string{"0: 1 after 1s", "2: 2 after 1s", "4: 3 after 1s"},
		},
		"while a question is under way": {
			takes: []float64{1}, come: []float64{0, 0.1, 0.9, 1.5}, got: []string{"0: 1 after 1s", "0.1: 1 after 900ms", "0.9: 1 after 100ms", "1.5: 2 after 1s"},
		},
		"an answer is good from when the question was put": {
			age: 3 * time.Second, takes: []float64{1}, come: []float64{0, 1.5, 2.9, 3, 3.5, 6.5},
			got: []string{"0: 1 after 1s", "1.5: 1 after 0s", "2.9: 1 after 0s", "3: 2 after 1s", "3.5: 2 after 500ms", "6.5: 3 after 1s"},
		},
		"an answer that is old when it comes is for those who have waited": {
			age: time.Second, takes: []float64{2}, come: []float64{0, 1.5, 2.5}, got: []string{"0: 1 after 2s", "1.5: 1 after 500ms", "2.5: 2 after 2s"},
		},
		"who does not answer in time": {
			takes: []float64{12, 1}, come: []float64{0, 3, 6, 11, 13},
			got: []string{"0: the tree does not answer after 5s", "3: the tree does not answer after 2s", "6: the tree does not answer after 0s", "11: the tree does not answer after 0s", "13: 2 after 1s"},
		},
		"a late answer is good too": {
			age: time.Minute, takes: []float64{12}, come: []float64{0, 13}, got: []string{"0: the tree does not answer after 5s", "13: 1 after 0s"},
		},
		"less patience": {
			patience: time.Second, takes: []float64{2}, come: []float64{0}, got: []string{"0: the tree does not answer after 1s"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := Question[int]{Ask: (&tree{takes: c.takes}).ask, Age: c.age, Patience: c.patience}
				got := make([]string, len(c.come))
				var all sync.WaitGroup
				for i, at := range c.come {
					all.Go(func() {
						time.Sleep(seconds(at))
						got[i] = fmt.Sprint(at, ": ", answer(t.Context(), &q))
					})
				}
				all.Wait()
				if diff := cmp.Diff(c.got, got); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
				time.Sleep(time.Minute) // whoever was asked has answered
			})
		})
	}
}

// answer says what q answers, and after how long.
func answer(ctx context.Context, q *Question[int]) string {
	begun := time.Now()
	n, err := q.Answer(ctx)
	said := fmt.Sprint(n)
	if err != nil {
		said = err.Error()
	}
	return fmt.Sprint(said, " after ", time.Since(begun))
}

// A thousand who ask a tree that hangs cost one goroutine.
func TestManyShareAQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &tree{takes: []float64{3600}}
		q := Question[int]{Ask: w.ask}
		var all sync.WaitGroup
		for i := range 1000 {
			all.Go(func() {
				time.Sleep(time.Duration(i) * time.Second)
				if _, err := q.Answer(t.Context()); !errors.Is(err, ErrNoAnswer) {
					t.Errorf("got %v", err)
				}
			})
		}
		all.Wait()
		time.Sleep(time.Hour)
		if w.asked != 1 {
			t.Errorf("asked %d times", w.asked)
		}
	})
}

func TestWhoLeavesIsToldWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := Question[int]{Ask: (&tree{takes: []float64{2}}).ask, Age: time.Minute}
		bored := errors.New("bored")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, bored)
		defer cancel()
		if _, err := q.Answer(ctx); !errors.Is(err, bored) {
			t.Errorf("got %v", err)
		}
		if got := answer(t.Context(), &q); got != "1 after 1s" {
			t.Errorf("the question has left too: %s", got)
		}
		if n, err := q.Answer(ctx); n != 1 || err != nil {
			t.Errorf("an answer that is there is worth nothing: %v, %v", n, err)
		}
	})
}

// onceError can say what it is once.
type onceError struct{ said bool }

func (e *onceError) Error() string {
	if e.said {
		panic("asked twice")
	}
	e.said = true
	return "boom"
}

// A panic is the answer of all who have waited, and its text has been taken.
func TestAPanicIsAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		q := Question[int]{Age: time.Minute, Ask: func() int {
			time.Sleep(time.Second)
			if asked++; asked == 1 {
				panic(&onceError{})
			}
			return asked
		}}
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				_, err := q.Answer(t.Context())
				var why tend.Reason
				if !errors.As(err, &why) || why.Text != "panic: boom" || !strings.Contains(why.Stack(), "TestAPanicIsAnAnswer") {
					t.Errorf("got %q, %s", err, why.Stack())
				}
			})
		}
		all.Wait()
		if got := answer(t.Context(), &q); got != "panic: boom after 0s" {
			t.Errorf("got %s: it is asked at any rate", got)
		}
		time.Sleep(time.Minute)
		if got := answer(t.Context(), &q); got != "2 after 1s" {
			t.Errorf("got %s", got)
		}
	})
}

func TestGoexitIsAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := Question[int]{Ask: func() int { runtime.Goexit(); return 0 }}
		for range 2 {
			if _, err := q.Answer(t.Context()); !errors.Is(err, ErrGoexit) {
				t.Errorf("got %v", err)
			}
		}
	})
}

// Ask is called without a lock: it may even ask, though it waits for itself then.
func TestWhoIsAskedMayAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q Question[int]
		q.Ask = func() int {
			_, err := q.Answer(t.Context())
			if !errors.Is(err, ErrNoAnswer) {
				t.Errorf("got %v", err)
			}
			return 7
		}
		if got := answer(t.Context(), &q); !strings.HasSuffix(got, "after 5s") {
			t.Errorf("got %s", got)
		}
		time.Sleep(time.Second)
	})
}

// An answer that nobody can get any more is not kept.
func TestAnAnswerIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for age, kept := range map[time.Duration]bool{0: false, time.Second: true} {
			q := Question[int]{Ask: func() int { return 1 }, Age: age}
			if _, err := q.Answer(t.Context()); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if (q.last != nil) != kept {
				t.Errorf("Age %v: kept is %v", age, q.last != nil)
			}
		}
	})
}

// Who asks right after an answer does not get in the way of its being forgotten.
func TestAskedInQuickSuccession(t *testing.T) {
	q := Question[int]{Ask: func() int { return 1 }}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 10_000 {
				if _, err := q.Answer(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}
