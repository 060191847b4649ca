package tend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend/internal/timerid"
	"github.com/thejerf/abtime"
)

// faulty is a service that fails as often as it is told to, and then runs.
func faulty(name string, times int, fail func() error) Service {
	return Func(name, func(ctx context.Context) error {
		if times > 0 {
			times--
			return fail()
		}
		<-ctx.Done()
		return nil
	})
}

func boom() error { return errors.New("boom") }

// slowly is a budget for services that are to fail often.
func slowly(s Service) Child {
	return Child{Service: s, Backoff: Backoff{Min: 7 * time.Second, Max: 7 * time.Second}}
}

// wantLogged looks for records: the kind and a part of the rest, and how often.
func wantLogged(t *testing.T, text string, want map[string]int) {
	t.Helper()
	for record, times := range want {
		n := 0
		for line := range strings.Lines(text) {
			all := true
			for part := range strings.SplitSeq(record, " … ") {
				all = all && strings.Contains(line, part)
			}
			if all {
				n++
			}
		}
		if n != times {
			t.Errorf("%d times %s, want %d, in\n%s", n, record, times, text)
		}
	}
}

// evil is a handler of slog that does what it likes, as long as it is on.
type evil struct {
	slog.Handler
	on *atomic.Bool
	do func()
}

func (h evil) Handle(ctx context.Context, r slog.Record) error {
	if h.on.Load() {
		h.do()
	}
	return h.Handler.Handle(ctx, r)
}

// TestTheLogNeverEndsTheProgram, whatever the handler does, when an event is logged and
// when the timer sums up; and it goes on as soon as the handler works.
func TestTheLogNeverEndsTheProgram(t *testing.T) {
	for name, do := range map[string]func(){"panics": func() { panic("ouch") }, "exits": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			text := noted(func() {
				on := &atomic.Bool{}
				slog.SetDefault(slog.New(evil{slog.Default().Handler(), on, do}))
				synctest.Test(t, func(t *testing.T) {
					on.Store(true)
					s := New("root", Spec{})
					s.Add(slowly(faulty("a", 9, boom)))                                   // repeats
					s.Add(Child{Service: faulty("b", 2, boom), Backoff: Backoff{Min: 1}}) // has recovered after 30 s
					stop := served(t, s)
					time.Sleep(5 * time.Minute)
					on.Store(false)
					s.Add(slowly(faulty("c", 2, boom)))
					time.Sleep(5 * time.Minute)
					stop()
				})
			})
			wantLogged(t, text, map[string]int{
				`msg="service failed" … service=c`: 1,
				"msg=recovered … path=root/c":      1,
				"path=root/a":                      0,
			})
		})
	}
}

// TestAnotherPanicIsAnotherFailure: all nil dereferences say the same.
func TestAnotherPanicIsAnotherFailure(t *testing.T) {
	var n *node
	here := func() error { return errors.New(n.name) }
	there := func() error { return errors.New(n.name) }
	runs := 0
	text := noted(func() {
		synctest.Test(t, func(t *testing.T) {
			s := New("root", Spec{})
			s.Add(Child{Backoff: Backoff{Min: 1}, Service: faulty("a", 6, func() error {
				if runs++; runs <= 3 {
					return here()
				}
				return there()
			})})
			stop := served(t, s)
			time.Sleep(time.Hour)
			stop()
		})
	})
	wantLogged(t, text, map[string]int{
		`msg="service failed" … nil pointer`:                     2,
		`msg="service failed" … AnotherFailure.func1`:            1,
		`msg="service failed" … AnotherFailure.func2`:            1,
		`msg="same error" … path=root/a … nil pointer … again=2`: 2,
	})
}

// TestNamesakesAreApart: each has its failures, and recovers by itself.
func TestNamesakesAreApart(t *testing.T) {
	text := noted(func() {
		synctest.Test(t, func(t *testing.T) {
			s := New("root", Spec{})
			s.Add(slowly(faulty("a", 2, boom)))
			s.Add(slowly(faulty("a", 100, boom)))
			stop := served(t, s)
			time.Sleep(5 * time.Minute)
			stop()
		})
	})
	wantLogged(t, text, map[string]int{
		`msg="service failed" … service=a`:                     2,
		`msg="same error" … path=root/a … again=1 … in=10s`:    2,
		`msg="same error" … path=root/a … again=8 … in=1m0s`:   2,
		`msg=recovered … path=root/a … failures=2 … after=14s`: 1,
		`msg=recovered`: 1,
	})
}

// TestRecoveredIsWhatRuns for half a minute: not what is starting, waits, or has just
// been started.
func TestRecoveredIsWhatRuns(t *testing.T) {
	text := noted(func() {
		synctest.Test(t, func(t *testing.T) {
			s := New("root", Spec{})
			hour := Backoff{Min: time.Hour}
			s.Add(Child{Service: faulty("starting", 1, boom), Backoff: Backoff{Min: 1}, ReadyTimeout: time.Hour})
			s.Add(Child{Service: faulty("waiting", 1, boom), Backoff: hour})
			s.Add(Child{Service: faulty("just", 1, boom), Backoff: Backoff{Min: 299 * time.Second}})
			s.Add(Child{Service: faulty("up", 1, boom), Backoff: hour})
			stop := served(t, s)
			synctest.Wait()
			for _, c := range s.Status().Services {
				if c.Name == "up" {
					if err := s.Restart(c.Token, nil); err != nil {
						t.Error(err)
					}
				}
			}
			time.Sleep(5*time.Minute + time.Second)
			stop()
		})
	})
	wantLogged(t, text, map[string]int{`msg=recovered … path=root/up … after=0s`: 1, `msg=recovered`: 1})
}

// TestTheLogForgetsWhoLeft while it waited: else after a thousand of them nothing would
// be folded any more.
func TestTheLogForgetsWhoLeft(t *testing.T) {
	text := noted(func() {
		synctest.Test(t, func(t *testing.T) {
			s := New("root", Spec{})
			stop := served(t, s)
			for i := range maxFolded {
				tok := s.Add(Child{Service: faulty(fmt.Sprint("gone", i), 1, boom), Backoff: Backoff{Min: time.Hour}})
				synctest.Wait()
				if err := s.RemoveAndWait(t.Context(), tok); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(quietMost + time.Second)
			s.Add(slowly(faulty("a", 100, boom)))
			time.Sleep(5 * time.Minute)
			stop()
		})
	})
	wantLogged(t, text, map[string]int{`service=a`: 1, `msg="same error" … path=root/a`: 6})
}

// TestAStopForgetsWhatIsBelow, and not what only begins with the same letters.
func TestAStopForgetsWhatIsBelow(t *testing.T) {
	text := noted(func() {
		synctest.Test(t, func(t *testing.T) {
			s, db, dbs := New("root", Spec{}), New("db", Spec{}), New("dbs", Spec{})
			tok := s.Add(db)
			s.Add(dbs)
			db.Add(slowly(faulty("a", 100, boom)))
			dbs.Add(slowly(faulty("a", 100, boom)))
			stop := served(t, s)
			time.Sleep(9 * time.Second)
			if err := s.Restart(tok, nil); err != nil {
				t.Error(err)
			}
			time.Sleep(9 * time.Second)
			stop()
		})
	})
	wantLogged(t, text, map[string]int{
		`msg="service failed" … supervisor=root/db `:            2,
		`msg="same error" … path=root/db/a … again=1 … in=7s`:   2,
		`msg="service failed" … supervisor=root/dbs`:            1,
		`msg="same error" … path=root/dbs/a … again=1 … in=10s`: 1,
		`msg="same error" … path=root/dbs/a`:                    2,
	})
}

// counting is a clock that counts how often the log's timer is armed, and stopped.
type counting struct {
	abtime.AbstractTime
	armed, stopped *atomic.Int64
}

func newCounting() counting {
	return counting{abtime.NewRealTime(), &atomic.Int64{}, &atomic.Int64{}}
}

func (c counting) AfterFunc(d time.Duration, f func(), id int) abtime.Timer {
	t := c.AbstractTime.AfterFunc(d, f, id)
	if id != timerid.Log {
		return t
	}
	c.armed.Add(1)
	return countingStops{t, c.stopped}
}

type countingStops struct {
	abtime.Timer
	stopped *atomic.Int64
}

func (t countingStops) Stop() bool { t.stopped.Add(1); return t.Timer.Stop() }

// TestNoTroubleNoTimer: not before the first failure, and not after the last who failed
// has recovered, left, or stopped.
func TestNoTroubleNoTimer(t *testing.T) {
	noted(func() {
		synctest.Test(t, func(t *testing.T) {
			clock := newCounting()
			armed := clock.armed
			s := New("root", Spec{Clock: clock})
			stop := served(t, s)
			for i, svc := range []Child{
				{Service: idleForever{}},
				{Service: faulty("recovers", 1, boom), Backoff: Backoff{Min: 1}},
				{Service: faulty("leaves", 1, boom), Restart: Temporary},
				{Service: faulty("gives up", 2, boom), Limit: Limit{N: 2}},
				{Service: faulty("is done", 1, boom), Restart: Transient, Backoff: Backoff{Min: 1}},
			} {
				tok := s.Add(svc)
				time.Sleep(time.Hour)
				if n, want := armed.Load(), []int64{0, 2, 2, 3, 5}[i]; n != want {
					t.Errorf("%v: the timer was armed %d times, want %d", svc.Service, n, want)
				}
				if err := s.RemoveAndWait(t.Context(), tok); err != nil {
					t.Error(err)
				}
			}
			stop()
			if time.Sleep(time.Hour); armed.Load() != 5 {
				t.Errorf("the timer was armed %d times", armed.Load())
			}
		})
	})
}

// nodeOn is a service of a root with a clock.
func nodeOn(clock abtime.AbstractTime, name string) *node {
	return &node{name: name, sup: New("root", Spec{Clock: clock})}
}

// failedAt is the failure of a service of root that is restarted, after a time.
func failedAt(begin time.Time, after time.Duration, n *node, err error) ServiceFailed {
	name := "nobody's"
	if n != nil {
		name = n.name
	}
	return ServiceFailed{
		Origin: Origin{Supervisor: "root", Service: name, Token: ServiceToken{n}, Time: begin.Add(after)}, Err: known(err), Restarting: true,
	}
}

// TestRepeatsAreSummedUp soon after the first, then when a minute has passed since
// something was logged, if there is another one then and no timer.
func TestRepeatsAreSummedUp(t *testing.T) {
	text := noted(func() {
		l, begin, n := newFoldLog(nil), time.Now(), nodeOn(abtime.NewManual(), "a")
		for _, after := range []time.Duration{
			0, 1, foldFirst - 1, foldFirst, foldFirst + 1, foldFirst + foldFor - 1, foldFirst + foldFor, foldFirst + foldFor + 1, foldFirst + 2*foldFor,
		} {
			l.log(t.Context(), failedAt(begin, after, n, boom()))
		}
	})
	wantLogged(t, text, map[string]int{
		`msg="service failed" … boom`:          1,
		`msg="same error" … again=3 … in=10s`:  1,
		`msg="same error" … again=3 … in=1m0s`: 1,
		`msg="same error" … again=2 … in=1m0s`: 1,
		`msg="same error"`:                     3,
	})
}

// wantInOrder checks that a text has records in an order: the kind and a part of the rest.
func wantInOrder(t *testing.T, text string, want ...string) {
	t.Helper()
	rest := text
	for _, record := range want {
		kind, part, _ := strings.Cut(record, " … ")
		found := false
		for line := range strings.Lines(rest) {
			rest = rest[len(line):]
			if found = strings.Contains(line, kind) && strings.Contains(line, part); found {
				break
			}
		}
		if !found {
			t.Fatalf("there is no %s, after those before in %q, in\n%s", record, want, text)
		}
	}
}

// TestAPauseSaysWhatItIsFor: the sums of those who have failed come before it, of that
// supervisor and no other, and it names who failed last, and with what.
func TestAPauseSaysWhatItIsFor(t *testing.T) {
	text := noted(func() {
		synctest.Test(t, func(t *testing.T) {
			s, other := New("root", Spec{Jitter: -1}), New("other", Spec{})
			s.Add(other)
			other.Add(slowly(faulty("elsewhere", 100, boom)))
			s.Add(slowly(faulty("own", 100, boom))) // does not count
			stop := served(t, s)
			time.Sleep(8 * time.Second)
			s.Add(faulty("web", 6, boom))
			time.Sleep(time.Second)
			stop()
		})
	})
	wantInOrder(t, text,
		`msg="service failed" … service=web`,
		`msg="same error" … path=root/web error=boom again=5`,
		`msg="pause began" … count=6 threshold=5 last=web error=boom`)
	before, _, _ := strings.Cut(text, "pause began")
	wantLogged(t, before, map[string]int{`msg="same error" … elsewhere`: 0, `msg="same error" … path=root/own`: 1})
}

// TestAPauseNamesNobodyElse: what is not known is not said.
func TestAPauseNamesNobodyElse(t *testing.T) {
	text := noted(func() {
		l, begin, n := newFoldLog(nil), time.Now(), nodeOn(abtime.NewManual(), "a")
		l.log(t.Context(), PauseBegan{Origin: Origin{Supervisor: "root"}})
		l.log(t.Context(), failedAt(begin, 0, n, boom()))
		l.log(t.Context(), PauseBegan{Origin: Origin{Supervisor: "root/db"}})
	})
	wantLogged(t, text, map[string]int{`msg="pause began"`: 2, `msg="pause began" … last=`: 0})
}

// TestAnEscalationComesAfterTheSums of what led to it.
func TestAnEscalationComesAfterTheSums(t *testing.T) {
	text := noted(func() {
		synctest.Test(t, func(t *testing.T) {
			s := New("root", Spec{Escalate: true})
			s.Add(faulty("web", 100, boom))
			if err := s.Serve(t.Context()); err == nil {
				t.Error("it has not failed")
			}
		})
	})
	wantInOrder(t, text, `msg="service failed" … service=web`, `msg="same error" … again=5`, "msg=escalated … last=web error=boom")
}

// TestAPanicIsSummedUpAsOne: at the level at which it was told in full.
func TestAPanicIsSummedUpAsOne(t *testing.T) {
	text := noted(func() {
		synctest.Test(t, func(t *testing.T) {
			s := New("root", Spec{})
			s.Add(slowly(faulty("a", 3, func() error { panic("ouch") })))
			stop := served(t, s)
			time.Sleep(time.Minute)
			stop()
		})
	})
	wantLogged(t, text, map[string]int{
		`level=ERROR msg="service failed" … panic: ouch … stack=`: 1,
		`level=ERROR msg="same error" … panic: ouch … again=1`:    2,
		`stack=`:     1,
		`level=WARN`: 0,
	})
}

// TestWhoeverLooksSeesThatItIsUpAgain: a port is taken for 39 seconds, and a person who
// watches for another ten knows that, how often it was tried, and that it is over.
func TestWhoeverLooksSeesThatItIsUpAgain(t *testing.T) {
	text := noted(func() {
		synctest.Test(t, func(t *testing.T) {
			s := New("root", Spec{})
			s.Add(Child{Service: faulty("web", 12, boom), Backoff: Backoff{Min: 3250 * time.Millisecond}})
			stop := served(t, s)
			time.Sleep(49 * time.Second)
			synctest.Wait()
			s.setHook(nil, nil)
			stop()
		})
	})
	wantInOrder(t, text,
		`level=WARN msg="service failed" … service=web`,
		`level=WARN msg="same error" … path=root/web error=boom again=3 in=10s`,
		`level=WARN msg="same error" … path=root/web error=boom again=8`,
		`level=INFO msg=recovered … path=root/web failures=12 after=39s`)
}

// TestThatItHasEndedAfterAllIsNews: however late it was, and what it failed with.
func TestThatItHasEndedAfterAllIsNews(t *testing.T) {
	text := noted(func() {
		l, begin, n := newFoldLog(nil), time.Now(), nodeOn(abtime.NewManual(), "a")
		late := failedAt(begin, time.Second, n, boom())
		late.Late = 1
		l.log(t.Context(), failedAt(begin, 0, n, boom()))
		l.log(t.Context(), late)
	})
	wantLogged(t, text, map[string]int{`msg="service failed" … boom`: 2})
}

// TestTheEndOfOneBesideAFailureIsNoNews: one that was to replace another has not stood that,
// and the other one, which waits after its failure, goes on failing.
func TestTheEndOfOneBesideAFailureIsNoNews(t *testing.T) {
	for next := range StateGone + 1 {
		told := 1
		if slices.Contains([]State{StateSuspended, StateDone, StateFailed, StateGone}, next) { // who fails then is as new
			told = 2
		}
		text := noted(func() {
			l, begin, n := newFoldLog(nil), time.Now(), nodeOn(abtime.NewManual(), "a")
			first, again := failedAt(begin, 0, n, boom()), failedAt(begin, 2*time.Second, n, boom())
			l.log(t.Context(), first)
			l.log(t.Context(), ServiceEnded{Origin: first.Origin, Cause: known(ErrNotReady), Next: next})
			l.log(t.Context(), again)
		})
		wantLogged(t, text, map[string]int{`msg="service failed" … boom`: told})
	}
}

// TestAThousandAreToldApart: what fails beyond that is logged each time.
func TestAThousandAreToldApart(t *testing.T) {
	text := noted(func() {
		l, begin, clock := newFoldLog(nil), time.Now(), abtime.NewManual()
		for range 2 {
			for i := range maxFolded + 1 {
				l.log(t.Context(), failedAt(begin, 0, nodeOn(clock, fmt.Sprint("n", i)), boom()))
			}
			if len(l.troubles) != maxFolded {
				t.Errorf("%d are told apart", len(l.troubles))
			}
		}
	})
	wantLogged(t, text, map[string]int{`msg="service failed"`: 2 * (maxFolded + 1)})
}

// TestAPanicIsNoErrorThatSaysTheSame.
func TestAPanicIsNoErrorThatSaysTheSame(t *testing.T) {
	here := &PanicError{Value: "ouch", PCs: []uintptr{1}}
	for _, c := range []struct {
		a, b error
		want bool
	}{
		{errors.New("panic: ouch"), errors.New("panic: ouch"), true},
		{errors.New("panic: ouch"), here, false},
		{here, errors.New("panic: ouch"), false},
		{here, &PanicError{Value: "ouch", PCs: []uintptr{1}}, true},
		{here, &PanicError{Value: "ouch", PCs: []uintptr{2}}, false},
		{here, &PanicError{Value: "oh", PCs: []uintptr{1}}, false},
	} {
		if isSame(known(c.a), known(c.b)) != c.want {
			t.Errorf("%#v and %#v are the same: %v", c.a, c.b, !c.want)
		}
	}
}

// TestTheLogLooksAsLongAsSomebodyIsInTrouble: one timer for all, whoever leaves, and none
// when nobody is.
func TestTheLogLooksAsLongAsSomebodyIsInTrouble(t *testing.T) {
	noted(func() {
		synctest.Test(t, func(t *testing.T) {
			clock := newCounting()
			l, begin, a, b := newFoldLog(nil), time.Now(), nodeOn(clock, "a"), nodeOn(clock, "b")
			want := func(what string, armed, stopped int64) {
				t.Helper()
				if clock.armed.Load() != armed || clock.stopped.Load() != stopped {
					t.Errorf("%s: the timer was armed %d times and stopped %d times", what, clock.armed.Load(), clock.stopped.Load())
				}
			}
			left := func(n *node, next State) {
				l.log(t.Context(), ServiceEnded{Origin: failedAt(begin, 0, n, boom()).Origin, Next: next})
			}
			left(a, StateGone) // which has never been in trouble
			want("nobody", 0, 0)
			l.log(t.Context(), failedAt(begin, 0, a, boom()))
			l.log(t.Context(), failedAt(begin, 0, b, boom()))
			want("two", 1, 0)
			left(b, StatePending) // it is started again
			left(a, StateDone)
			want("one is done", 1, 0)
			left(b, StateSuspended)
			want("the other, too", 1, 1)
		})
	})
}

// TestRecoveredIsWhoRunsTwiceAsLong as any run that failed, within bounds; and who is
// not in trouble does not recover.
func TestRecoveredIsWhoRunsTwiceAsLong(t *testing.T) {
	for i, c := range []struct{ ran, quiet time.Duration }{
		{0, quietMin},
		{quietMin / 2, quietMin},
		{7 * time.Second, 14 * time.Second},
		{quietMost / 2, quietMost},
		{time.Hour, quietMost},
	} {
		text := noted(func() {
			l, begin, a := newFoldLog(nil), time.Now(), nodeOn(abtime.NewManual(), "a")
			for k := range 3 { // it is another one each time that ran for so long
				e := failedAt(begin, 0, a, boom())
				if k == i%3 {
					e.Ran = c.ran
				}
				l.log(t.Context(), e)
			}
			l.settle(&node{name: "b"}, begin, StateRunning, time.Hour)
			up := begin.Add(time.Minute)
			l.settle(a, up.Add(c.quiet-1), StateRunning, c.quiet-1)
			if len(l.troubles) != 1 {
				t.Errorf("after runs of %v it has recovered before %v", c.ran, c.quiet)
			}
			l.settle(a, up.Add(c.quiet), StateRunning, c.quiet)
		})
		wantLogged(t, text, map[string]int{`msg=recovered … path=root/a … failures=3 … after=1m0s`: 1, `msg=recovered`: 1})
	}
}

// TestTheLogKeepsNothing of a service that is not started again, nor of any once the
// root has stopped.
func TestTheLogKeepsNothing(t *testing.T) {
	noted(func() {
		synctest.Test(t, func(t *testing.T) {
			l := newFoldLog(nil)
			here := Origin{Supervisor: "root", Service: "a", Token: New("root", Spec{}).Add(idleForever{})}
			for _, end := range []Event{ServiceFailed{Origin: here}, ServiceEnded{Origin: here, Next: StateDone}, SupervisorStopped{Origin: Origin{Supervisor: "root"}}} {
				l.log(t.Context(), ServiceFailed{Origin: here, Restarting: true})
				if len(l.troubles) != 1 || l.timer == nil {
					t.Fatalf("%d are in trouble", len(l.troubles))
				}
				if l.log(t.Context(), end); len(l.troubles) != 0 || l.timer != nil {
					t.Errorf("after %v %d are in trouble, the timer is %v", end.Kind(), len(l.troubles), l.timer)
				}
			}
			if l.last != (ServiceFailed{}) {
				t.Errorf("it keeps %v", l.last)
			}
		})
	})
}

// TestTheLogOfWhatWasWrittenDown: what was read from JSON is of no tree, and nothing to look after.
func TestTheLogOfWhatWasWrittenDown(t *testing.T) {
	tree := New("root", Spec{})
	here := Origin{Supervisor: "root", Service: "a", Token: tree.Add(idleForever{})}
	text := noted(func() {
		l := newFoldLog(nil)
		for _, e := range []Event{ServiceFailed{Origin: here, Err: known(ErrNotReady), Restarting: true}, ServiceEnded{Origin: here, Next: StateDone}} {
			data, err := json.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				read, err := e.Kind().Decode(data)
				if err != nil {
					t.Fatal(err)
				}
				l.log(t.Context(), read)
			}
		}
		if len(l.troubles) != 0 || l.timer != nil {
			t.Errorf("%d are in trouble", len(l.troubles))
		}
	})
	wantLogged(t, text, map[string]int{`msg="service failed"`: 2, `msg="service ended"`: 2})
}

// TestALateEndIsNoRepeat: that a run which was stuck has ended after all is said, also
// if it failed with the same error as the one before.
func TestALateEndIsNoRepeat(t *testing.T) {
	text := noted(func() {
		synctest.Test(t, func(t *testing.T) {
			l := newFoldLog(nil)
			here := Origin{Supervisor: "root", Service: "a", Token: New("root", Spec{}).Add(idleForever{})}
			for _, late := range []time.Duration{0, 0, time.Minute, 0} {
				l.log(t.Context(), ServiceFailed{Origin: here, Err: known(ErrNotReady), Restarting: true, Late: late})
			}
			l.log(t.Context(), SupervisorStopped{Origin: Origin{Supervisor: "root"}})
		})
	})
	wantLogged(t, text, map[string]int{
		`msg="service failed"`:             2,
		`msg="service failed" … late=1m0s`: 1,
		`msg="same error" … again=1`:       2,
	})
}

// TestAHookOfItsOwnCanLogLikeTheDefault: to its logger, with its context, and folded; what
// is of no tree it logs each time.
func TestAHookOfItsOwnCanLogLikeTheDefault(t *testing.T) {
	type key struct{}
	var b strings.Builder
	to := slog.New(contextual{slog.NewTextHandler(&b, nil), key{}})
	log, ctx := LogHook(to), context.WithValue(t.Context(), key{}, "a trace")
	begin, n := time.Now(), nodeOn(abtime.NewManual(), "a")
	for range 3 {
		log(ctx, failedAt(begin, 0, n, boom()))
		log(ctx, failedAt(begin, 0, nil, errors.New("read")))
	}
	log(ctx, SupervisorStopped{Origin: Origin{Supervisor: "root"}})
	wantLogged(t, b.String(), map[string]int{
		`msg="service failed" … error=boom … ctx="a trace"`: 1,
		`msg="service failed" … error=read … ctx="a trace"`: 3,
		`msg="same error" … again=2`:                        1,
	})
}

// contextual adds what is in the context.
type contextual struct {
	slog.Handler
	key any
}

func (h contextual) Handle(ctx context.Context, r slog.Record) error {
	r.AddAttrs(slog.Any("ctx", ctx.Value(h.key)))
	return h.Handler.Handle(ctx, r)
}

// TestNobodyMakesWordsThatAreNotLogged: what is below the level of the log, as nearly all
// events of a tree that is well are, takes no memory.
func TestNobodyMakesWordsThatAreNotLogged(t *testing.T) {
	log := LogHook(slog.New(slog.DiscardHandler))
	for _, e := range []Event{
		ServiceStarted{Restarts: 3},
		ServiceReady{Took: time.Second},
		SupervisorStarted{Services: 2},
		ServiceEnded{Cause: Reason{Err: io.EOF, Text: "EOF"}, Next: StateGone},
		ServiceChanged{Next: StateSuspended},
	} {
		if n := testing.AllocsPerRun(100, func() { log(t.Context(), e) }); n != 0 {
			t.Errorf("%v: %v allocations", e.Kind(), n)
		}
	}
}
