package tend

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// held is a hook that keeps what it gets and waits at each event until it is let go.
type held struct {
	let    chan struct{}
	events []Event
}

func newHeld() *held { return &held{let: make(chan struct{})} }

func (h *held) hook(e Event) { <-h.let; h.events = append(h.events, e) }

// served serves s until the returned function is called.
func served(t *testing.T, s *Supervisor) (stop func()) {
	t.Helper()
	done := s.ServeBackground(t.Context())
	return func() {
		t.Helper()
		s.Stop()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	}
}

// come makes n services come and go: two events each.
func come(t *testing.T, s *Supervisor, n int) {
	t.Helper()
	for range n {
		if err := s.RemoveAndWait(t.Context(), s.Add(idleForever{})); err != nil {
			t.Fatal(err)
		}
	}
}

// kindsOf are the kinds of events, and of those lost how many.
func kindsOf(events []Event) (kinds []string) {
	for _, e := range events {
		kind := e.Kind().String()
		if e, is := e.(EventsDropped); is {
			kind = fmt.Sprint(kind, " ", e.N)
		}
		kinds = append(kinds, kind)
	}
	return kinds
}

// TestALossIsToldThoughNothingFollows: to a hook, and to a subscriber, with the path
// of the supervisor whose events they get and the time of the last that is missing.
func TestALossIsToldThoughNothingFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHeld()
		s := New("root", Spec{EventHook: h.hook})
		sub := New("sub", Spec{})
		s.Add(sub)
		events := s.Events(t.Context())
		stop := served(t, s)
		synctest.Wait()
		come(t, sub, 1000)
		time.Sleep(time.Second)
		come(t, sub, 1)
		at := time.Now()
		close(h.let)
		synctest.Wait()
		check := func(who string, last Event, n int) {
			e, is := last.(EventsDropped)
			if !is || e.Supervisor != "root" || !e.Time.Equal(at) || e.Service != "" {
				t.Errorf("%s: the last event is %v at %v", who, last, last.From().Time)
			}
			if total := uint64(n-1) + e.N; total != 2006 { // two start, a third is started and ready
				t.Errorf("%s: %d events in all", who, total)
			}
		}
		check("the hook", h.events[len(h.events)-1], len(h.events))
		n := 0
		for e := range events {
			if n++; e.Kind() == kindEventsDropped {
				check("the subscriber", e, n)
				break
			}
		}
		stop()
	})
}

// TestNoMoreThan1024Wait while a hook is busy with one, whatever comes, and for a
// subscriber that does not come.
func TestNoMoreThan1024Wait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHeld()
		s := New("root", Spec{EventHook: h.hook})
		s.Events(t.Context())
		for range 3 {
			done := s.ServeBackground(t.Context())
			come(t, s, 1000)
			s.Stop()
			<-done
			for _, k := range s.hub.all() {
				if n := k.unseen(); n > queueSize || n < queueSize-1 { // a gap and an event need two places
					t.Errorf("%d events wait", n)
				}
			}
		}
		close(h.let)
	})
}

// TestAHandTakesTheKeptPlaces of an end that nobody has seen yet: the next end has a place
// all the same, and no more wait than may.
func TestAHandTakesTheKeptPlaces(t *testing.T) {
	s := New("root", Spec{})
	k := newHook(s, func(Event) {})
	at := time.Unix(1, 0)
	from := Origin{Time: at, Supervisor: "root"}
	flood := func() {
		for range 2 * queueSize {
			k.push([]Event{ServiceStarted{Origin: from}}, true, false)
		}
		k.push([]Event{SupervisorStopped{Origin: from}}, true, false)
		if n := k.unseen(); n > queueSize || n < queueSize-1 {
			t.Errorf("%d events wait", n)
		}
	}
	flood()
	k.grab()
	flood()
	flood()
}

// TestTheEndHasAPlace: the end of the supervisor itself is never lost, and what is
// missing before and after it is counted there.
func TestTheEndHasAPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHeld()
		s := New("root", Spec{EventHook: h.hook})
		served(t, s)()
		h.let <- struct{}{} // one is taken, and the next
		synctest.Wait()
		stop := served(t, s)
		come(t, s, 1000)
		stop()
		stop = served(t, s)
		come(t, s, 10)
		stop()
		stop = served(t, s)
		synctest.Wait()
		close(h.let)
		synctest.Wait()
		got := kindsOf(h.events)
		// 4 before, 2,003 of the second time, 23 of the third, the last start.
		want := []string{"supervisor stopped", "events dropped", "supervisor stopped", "events dropped 1"}
		lost := 3 + 2003 + 23 + 1 - (len(got) - 2) - 1
		want[1] = fmt.Sprint(want[1], " ", lost)
		if d := cmp.Diff(want[1:], got[len(got)-3:]); d != "" {
			t.Errorf("-want +got\n%s", d)
		}
		stop()
		if got := kindsOf(h.events); got[len(got)-1] != "supervisor stopped" {
			t.Errorf("the last is %s", got[len(got)-1])
		}
	})
}

// TestAHookThatKeepsUpMissesNoFailure: 3,000 services fail at once.
func TestAHookThatKeepsUpMissesNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told atomic.Int64
		s := New("root", Spec{EventHook: func(e Event) {
			if e.Kind() == kindServiceFailed {
				told.Add(1)
			}
		}})
		fail := make(chan struct{})
		for range 3000 {
			s.Add(Func("a", func(ctx context.Context) error { <-fail; return errors.New("boom") }))
		}
		stop := served(t, s)
		synctest.Wait()
		close(fail)
		synctest.Wait()
		if n := told.Load(); n < 3000 {
			t.Errorf("it was told of %d failures", n)
		}
		stop()
	})
}

// TestNewsIsKeptForAHookThatKeepsUp: that has been busy with one event for less than a
// tenth of a second. What a tree does all the time is not.
func TestNewsIsKeptForAHookThatKeepsUp(t *testing.T) {
	begin := time.Now()
	at := func(after time.Duration) Origin { return Origin{Time: begin.Add(after)} }
	for _, c := range []struct {
		event Event
		want  int
	}{
		{ServiceFailed{Origin: at(drainTime - 1)}, 3000},
		{ServiceFailed{Origin: at(drainTime)}, queueSize - reserved},
		{ServiceStarted{Origin: at(0)}, queueSize - reserved},
	} {
		k := newHook(New("root", Spec{}), func(Event) {})
		give(k, ServiceStarted{Origin: at(-time.Hour)}, false)
		k.grab() // and is busy with it from now on
		for range queueSize / 2 {
			give(k, ServiceStarted{Origin: at(0)}, false)
		}
		for range 3000 - queueSize/2 {
			give(k, c.event, false)
		}
		if n := k.unseen(); n != c.want {
			t.Errorf("%v at %v: %d wait, want %d", c.event.Kind(), c.event.From().Time.Sub(begin), n, c.want)
		}
	}
}

// TestNewsIsAtLevelWarning: the two agree on every kind of event.
func TestNewsIsAtLevelWarning(t *testing.T) {
	seen := map[Kind]bool{}
	for _, e := range []Event{
		SupervisorStarted{},
		SupervisorStopping{},
		SupervisorStopped{},
		SupervisorStopped{Unstopped: 1},
		PauseBegan{},
		PauseEnded{},
		Escalated{Err: &TooManyFailures{}},
		EventsDropped{},
		ServiceStarted{},
		ServiceReady{},
		ServiceUnresponsive{},
		ServiceFailed{},
		ServiceEnded{},
		ServiceEnded{Cause: known(ErrStopped)},
		ServiceEnded{Err: Reason{Err: &PanicError{}}},
		ServiceStuck{},
		ServiceEnded{Unclean: true},
		ServiceChanged{},
		ServiceAlsoFailed{},
		MessagesLost{},
		ServiceEnded{Late: 1},
		ServiceFailed{Late: 1},
		ServiceGaveUp{},
		ServiceRefused{},
	} {
		seen[e.Kind()] = true
		if isNews(e) != (e.Level() >= slog.LevelWarn) {
			t.Errorf("%#v is news: %v", e, isNews(e))
		}
	}
	if len(seen) != len(decoders) {
		t.Errorf("%d kinds of %d", len(seen), len(decoders))
	}
}

// TestABurstIsBounded, also for a hook that keeps up, and with the end.
func TestABurstIsBounded(t *testing.T) {
	k := newHook(New("root", Spec{}), func(Event) {})
	for range 2 * burstSize {
		give(k, ServiceFailed{}, false)
	}
	if n := k.waiting(); n != burstSize-reserved-1 || k.lost.N != burstSize+reserved+1 {
		t.Errorf("%d wait, and %d are lost", n, k.lost.N)
	}
	give(k, SupervisorStopped{}, true)
	give(k, ServiceFailed{}, false)
	give(k, SupervisorStopped{}, true)
	if n := k.waiting(); n != burstSize-1 {
		t.Errorf("with the end %d wait", n)
	}
	k.queue = k.queue[len(k.queue)-2:]
	if gap, end := k.take().(EventsDropped), k.take().Kind(); gap.N != burstSize+reserved+3 || end != kindSupervisorStopped {
		t.Errorf("%d are told as lost, and then %v", gap.N, end)
	}
}

// give is put without the wake-up.
func give(k *sink, e Event, own bool) {
	if k.push([]Event{e}, own, true) == 0 {
		k.push([]Event{e}, own, false)
	}
}

// filled gives k as much as fits beside what is kept.
func filled(k *sink) *sink {
	for range room(k) {
		give(k, ServiceStarted{}, false)
	}
	return k
}

// room is how many events fit into k, which is empty.
func room(k *sink) int {
	if k.call != nil { // the first will be in its hand
		return queueSize - reserved - 1
	}
	return queueSize - reserved
}

// waits are the kinds of what waits, the last few.
func (k *sink) waits(last int) string {
	return strings.Join(kindsOf(k.queue[max(k.next, len(k.queue)-last):]), ", ")
}

// TestAGapNeedsAPlace: what is missing is told where it is missing, though it is one event,
// as soon as that and the next event fit.
func TestAGapNeedsAPlace(t *testing.T) {
	k := filled(newHook(New("root", Spec{}), func(Event) {}))
	give(k, ServiceReady{}, false)
	k.take()
	if give(k, ServiceReady{}, false); k.lost.N != 2 || k.waiting() != room(k)-1 {
		t.Errorf("with one place free %d are lost and %d wait", k.lost.N, k.waiting())
	}
	k.take()
	give(k, ServiceReady{}, false)
	if got, want := k.waits(3), "service started, events dropped 2, service ready"; got != want {
		t.Errorf("%s wait, want %s", got, want)
	}
	give(k, ServiceReady{}, false)
	k.take()
	k.take()
	give(k, ServiceReady{}, false)
	if got, want := k.waits(3), "service ready, events dropped 1, service ready"; got != want {
		t.Errorf("%s wait, want %s", got, want)
	}
}

// TestTheLastEndCounts: it takes the place of the end before it, and of the word before
// that, and of nothing else. What is missing then is counted, up to the latest.
func TestTheLastEndCounts(t *testing.T) {
	at := func(s int) Origin { return Origin{Time: time.Unix(int64(s), 0)} }
	k := filled(newHook(New("root", Spec{}), func(Event) {}))
	give(k, SupervisorStopped{Origin: at(1), Unstopped: 1}, true)
	give(k, SupervisorStopped{Origin: at(2), Unstopped: 1}, true)
	if got, want := k.waits(3), "service started, events dropped 1, supervisor stopped"; got != want || k.waiting() != queueSize-1 {
		t.Errorf("%s wait, %d in all, want %s", got, k.waiting(), want)
	}
	give(k, ServiceStarted{Origin: at(5)}, false)
	give(k, SupervisorStopped{Origin: at(4)}, true)
	if got, want := k.waits(3), "service started, events dropped 3, supervisor stopped"; got != want || k.waiting() != queueSize-1 {
		t.Errorf("%s wait, %d in all, want %s", got, k.waiting(), want)
	}
	if gap := k.queue[len(k.queue)-2].From(); gap.Time.Unix() != 5 {
		t.Errorf("they are missing up to %v", gap.Time.Unix())
	}
	k.takeBack()
	if e := k.queue[:len(k.queue)+1][len(k.queue)]; e != nil {
		t.Errorf("%v is held though it was taken back", e)
	}
	// Once all is taken an end is as any other event.
	for k.take() != nil {
	}
	filled(k)
	if give(k, SupervisorStopped{}, true); k.lost.N != 0 || k.waiting() != room(k)+1 {
		t.Errorf("%d are lost and %d wait", k.lost.N, k.waiting())
	}
}

// TestAHookIsGivenTheTimeOnce until it comes for an event; a subscriber is not.
func TestAHookIsGivenTheTimeOnce(t *testing.T) {
	k := filled(newHook(New("root", Spec{}), func(Event) {}))
	for range 2 {
		if n := k.push([]Event{ServiceStarted{}, ServiceStarted{}}, false, true); n != 0 {
			t.Errorf("%d are lost at once", n)
		}
		if n := k.push([]Event{ServiceStarted{}}, false, true); n != 1 {
			t.Error("it is given the time twice")
		}
		if k.lost.N != 1 {
			t.Errorf("%d are lost", k.lost.N)
		}
		k.take()
		k.take()
		give(k, ServiceStarted{}, false)
	}
	sub := newSubscriber(New("root", Spec{}))
	for i := range queueSize {
		if sub.push([]Event{ServiceStarted{}}, false, true) != 1 {
			t.Fatalf("a subscriber is waited for after %d", i)
		}
	}
}

// TestABurstIsForWhoKeepsUp: a hook that is not busy, however old what waits is; and no
// subscriber that has never come.
func TestABurstIsForWhoKeepsUp(t *testing.T) {
	begin := time.Now()
	fill := func(k *sink) int {
		give(k, ServiceFailed{Origin: Origin{Time: begin}}, false)
		for range 2999 {
			give(k, ServiceFailed{Origin: Origin{Time: begin.Add(time.Hour)}}, false)
		}
		return k.waiting()
	}
	k := newHook(New("root", Spec{}), func(Event) {})
	if n := fill(k); n != 3000 {
		t.Errorf("for a hook %d wait", n)
	}
	for range 3 {
		fill(k)
	}
	for k.take() != nil {
	}
	if cap(k.queue) != 0 {
		t.Errorf("when the burst is over there are %d places", cap(k.queue))
	}
	k = newHook(New("root", Spec{}), func(Event) {})
	for range queueSize { // so many that it is looked at
		give(k, ServiceStarted{Origin: Origin{Time: begin}}, false)
	}
	k.grab()
	k.cameBack() // from the first, an hour later
	for range 3000 {
		give(k, ServiceFailed{Origin: Origin{Time: begin.Add(time.Hour)}}, false)
	}
	if n := k.waiting(); n != 3001 { // with the gap
		t.Errorf("for a hook that has come back %d wait", n)
	}
	if n := fill(newSubscriber(New("root", Spec{}))); n != queueSize-reserved {
		t.Errorf("for a subscriber %d wait", n)
	}
}

// TestAnEndAfterAFullHand has a place, though the one that is kept is in the hand.
func TestAnEndAfterAFullHand(t *testing.T) {
	k := newHook(New("root", Spec{}), func(Event) {})
	for range 2 * queueSize {
		give(k, ServiceStarted{}, false)
	}
	give(k, SupervisorStopped{}, true)
	k.grab()
	give(k, SupervisorStopped{}, true)
	if n := k.waiting(); n != 1 || k.unseen() != queueSize-1 {
		t.Errorf("%d wait, with the hand %d", n, k.unseen())
	}
}

// TestTheKeptPlaceIsForItsOwnEnd: that of a supervisor below does not get it, nor what
// concerns those on whose books a service was.
func TestTheKeptPlaceIsForItsOwnEnd(t *testing.T) {
	root, sub, before := New("root", Spec{}), New("sub", Spec{}), New("before", Spec{})
	root.Add(sub)
	k, other := filled(newSubscriber(New("root", Spec{}))), filled(newSubscriber(New("root", Spec{}))) // who do not come
	root.hub.add(k)
	before.hub.add(other)
	sub.alsoTo = []*Supervisor{before}
	sub.note(SupervisorStopped{})
	sub.emit()
	if k.waiting() != queueSize-reserved || other.waiting() != queueSize-reserved {
		t.Errorf("%d wait at the root, and %d where it was before", k.waiting(), other.waiting())
	}
	root.note(SupervisorStopped{})
	if root.emit(); k.waiting() != queueSize {
		t.Errorf("with the own end %d wait", k.waiting())
	}
}

// TestWhatFollowsTheEnd makes a stop not shorter than it was.
func TestWhatFollowsTheEnd(t *testing.T) {
	s := New("root", Spec{EventHook: func(Event) {}})
	s.note(SupervisorStopped{Took: time.Second})
	s.note(ServiceEnded{})
	s.emit()
	if s.hub.took != time.Second {
		t.Errorf("it took %v", s.hub.took)
	}
}

// TestASubscriberGetsWhatHappens when it happens, and nothing else.
func TestASubscriberGetsWhatHappens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New("root", Spec{EventHook: func(Event) {}})
		ctx, cancel := context.WithCancel(t.Context())
		var got []string
		done := make(chan struct{})
		events := s.Events(ctx)
		go func() {
			defer close(done)
			for e := range events {
				got = append(got, e.Kind().String())
			}
		}()
		synctest.Wait()
		stop := served(t, s)
		time.Sleep(time.Second)
		stop()
		synctest.Wait()
		if d := cmp.Diff([]string{"supervisor started", "supervisor stopping", "supervisor stopped"}, got); d != "" {
			t.Errorf("-want +got\n%s", d)
		}
		cancel()
		<-done
	})
}

// TestEventsComeInOrder, each once, however they are put and taken, and the memory is
// used again.
func TestEventsComeInOrder(t *testing.T) {
	k := newHook(New("root", Spec{}), func(Event) {})
	put, taken, most := 0, 0, 0
	for round := range 200 {
		for range round*37%301 + round%2 {
			give(k, ServiceRefused{Limit: put}, false)
			put++
		}
		most = max(most, k.waiting())
		for range round * 53 % 311 {
			e := k.take()
			if e == nil {
				break
			}
			if n := e.(ServiceRefused).Limit; n != taken {
				t.Fatalf("it took %d, want %d", n, taken)
			}
			taken++
		}
		if i := slices.IndexFunc(append(k.queue[:k.next:k.next], k.queue[len(k.queue):cap(k.queue)]...), func(e Event) bool { return e != nil }); i >= 0 {
			t.Fatal("a place holds an event that was taken")
		}
		if n := cap(k.queue); n > 4*most {
			t.Fatalf("%d wait at most, and there are %d places", most, n)
		}
	}
	if put-taken != k.waiting() || taken < 20_000 || k.lost.N > 0 {
		t.Errorf("%d put, %d taken, %d wait, %d are lost", put, taken, k.waiting(), k.lost.N)
	}
}

// TestAHookThatMakesProgressIsWaitedFor at the end of a stop: a tenth of a second for
// each event, five seconds for all, and no longer than a bounded stop may take.
func TestAHookThatMakesProgressIsWaitedFor(t *testing.T) {
	for _, c := range []struct {
		name   string
		each   time.Duration
		spec   Spec
		hangs  time.Duration // a service, when asked to stop
		events int           // of services that come and go
		took   time.Duration
		told   int64 // of these events and the four or five others, in that time
	}{
		{"fast", 0, Spec{}, 0, 10, 0, 13},
		{"slow", 30 * time.Millisecond, Spec{}, 0, 20, 23 * 30 * time.Millisecond, 23},
		{"as slow as can be", 99 * time.Millisecond, Spec{}, 0, 20, 23 * 99 * time.Millisecond, 23},
		{"too many", 30 * time.Millisecond, Spec{}, 0, 300, 5 * time.Second, 166},
		{"too slow", time.Second, Spec{}, 0, 20, 100 * time.Millisecond, 0},
		{"too many within a long bound", 30 * time.Millisecond, Spec{StopWithin: time.Hour}, 0, 300, 5 * time.Second, 166},
		{
			"nothing is left of a bound", 30 * time.Millisecond,
			Spec{StopWithin: 2 * time.Second, Ordered: true},
			time.Hour, 200, 2*time.Second + 100*time.Millisecond, 69, // the next is just being told
		},
		{"too slow within the shortest bound", time.Hour, Spec{StopWithin: 1}, 0, 2, 1, 0},
		{"within a bound", 30 * time.Millisecond, Spec{StopWithin: 500 * time.Millisecond}, 0, 20, 500 * time.Millisecond, 16},
		{
			"what is left of a bound", 30 * time.Millisecond,
			Spec{StopWithin: 2 * time.Second},
			1990 * time.Millisecond, 100, 2 * time.Second, 66, // stuck after 1.9 s
		},
		{"too slow within a bound", time.Hour, Spec{StopWithin: time.Second}, 0, 2, 100 * time.Millisecond, 0},
		{"within a short bound", time.Hour, Spec{StopWithin: 40 * time.Millisecond}, 0, 2, 40 * time.Millisecond, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var told atomic.Int64
				c.spec.EventHook = func(Event) { time.Sleep(c.each); told.Add(1) }
				s := New("root", c.spec)
				stop := served(t, s)
				for i := 0; i < 2 && c.hangs > 0; i++ {
					s.Add(Func("hangs", func(ctx context.Context) error {
						<-ctx.Done()
						time.Sleep(c.hangs)
						return nil
					}))
				}
				come(t, s, c.events/2)
				begin := time.Now()
				stop()
				if d := time.Since(begin); d != c.took {
					t.Errorf("the stop took %v, want %v", d, c.took)
				}
				if n := told.Load(); n < c.told || n > c.told+1 { // one may be at this moment
					t.Errorf("%d events were told, want %d", n, c.told)
				}
				time.Sleep(24 * time.Hour)
			})
		})
	}
}

// noted runs f with what is logged in a text.
func noted(f func()) string {
	var text bytes.Buffer
	old := slog.Default()
	defer slog.SetDefault(old)
	slog.SetDefault(slog.New(slog.NewTextHandler(&text, nil)))
	f()
	return text.String()
}

// TestAHookThatFailsIsToldOnce in the log: which panics, or exits its goroutine.
func TestAHookThatFailsIsToldOnce(t *testing.T) {
	for _, c := range []struct {
		name, want string
		fails      func()
		stack      bool
	}{
		{"panics", `error="panic: ouch"`, func() { panic("ouch") }, true},
		{"exits", `error="called runtime.Goexit"`, runtime.Goexit, false},
		{"panics with what panics", `error="panic: tend.mine"`, func() { panic(mine(func() { panic("again") })) }, true},
		{"panics with what exits", ``, func() { panic(mine(runtime.Goexit)) }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			calls := 0
			text := noted(func() {
				synctest.Test(t, func(t *testing.T) {
					s := New("root", Spec{EventHook: func(Event) { calls++; c.fails() }})
					stop := served(t, s)
					come(t, s, 5)
					stop()
				})
			})
			if calls != 13 {
				t.Errorf("it was called %d times", calls)
			}
			if c.want == "" {
				return
			}
			if n := strings.Count(text, `level=ERROR msg="event hook failed" supervisor=root `+c.want); n != 1 {
				t.Errorf("it was told %d times:\n%s", n, text)
			}
			if strings.Contains(text, "tend.TestAHookThatFailsIsToldOnce.func") != c.stack || strings.Contains(text, "stack=") != c.stack {
				t.Errorf("with a stack or without:\n%s", text)
			}
		})
	}
}

// mine is an error whose Error method does what it likes.
type mine func()

func (m mine) Error() string { m(); return "" }

// TestSubscribersLeaveNothing: whose context has ended, or who left the loop.
func TestSubscribersLeaveNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New("root", Spec{})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		never, left, cut := s.Events(ctx), s.Events(t.Context()), s.Events(ctx)
		_ = never
		stop := served(t, s)
		come(t, s, 5)
		if n := len(s.hub.all()); n != 4 { // and the log
			t.Fatalf("%d listen", n)
		}
		for range left {
			break
		}
		if n := len(s.hub.all()); n != 3 {
			t.Errorf("%d listen after one has left its loop", n)
		}
		seen := 0
		for range cut {
			seen++
			cancel()
		}
		synctest.Wait()
		if n := len(s.hub.all()); n != 1 || seen != 1 {
			t.Errorf("%d listen after a context has ended, and %d events came", n, seen)
		}
		stop()
	})
}

// TestOneHook: a root that is served again has one log, and a nested one none.
func TestOneHook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, above := New("s", Spec{}), New("above", Spec{})
		var first *sink
		for range 3 {
			served(t, s)()
			if list := s.hub.all(); len(list) != 1 || first != nil && list[0] != first {
				t.Fatalf("there are %d", len(list))
			}
			first = s.hub.all()[0]
		}
		above.Add(s)
		stop := served(t, above)
		synctest.Wait()
		if list := s.hub.all(); len(list) != 0 || s.hub.hook != nil {
			t.Errorf("below another there are %d", len(list))
		}
		stop()
	})
}

// TestAStopWhileAHookIsWaitedFor waits as well: Serve has not returned.
func TestAStopWhileAHookIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New("root", Spec{EventHook: func(Event) { time.Sleep(time.Hour) }})
		stop := served(t, s)
		synctest.Wait()
		begin := time.Now()
		go stop()
		time.Sleep(drainTime / 2)
		s.Stop()
		if d := time.Since(begin); d != drainTime {
			t.Errorf("it took %v", d)
		}
		time.Sleep(24 * time.Hour)
	})
}

// TestAHookBelowIsNotWaitedFor: only a root waits for its own.
func TestAHookBelowIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sub := New("sub", Spec{EventHook: func(Event) { time.Sleep(time.Hour) }})
		root := New("root", Spec{EventHook: func(Event) {}})
		root.Add(sub)
		stop := served(t, root)
		synctest.Wait()
		begin := time.Now()
		stop()
		if d := time.Since(begin); d != 0 {
			t.Errorf("the stop took %v", d)
		}
		time.Sleep(24 * time.Hour)
	})
}

// TestAnIdleHookIsNotWaitedFor, nor one that has nothing to do.
func TestAnIdleHookIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		s := New("root", Spec{EventHook: func(Event) { n.Add(1) }})
		begin := time.Now()
		served(t, s)()
		s.drain()
		if d := time.Since(begin); d != 0 || n.Load() != 3 {
			t.Errorf("%d events, and it took %v", n.Load(), d)
		}
	})
}

// TestAHookCanBeAdded beside that of the Spec, also while the tree is served: it gets all
// from then on, with what is below, until it is removed, and leaves no goroutine.
func TestAHookCanBeAdded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var first, second []Event
		root := New("root", Spec{EventHook: func(e Event) { first = append(first, e) }})
		stop := served(t, root)
		synctest.Wait()
		before := len(first)
		remove := root.AddHook(func(e Event) { second = append(second, e) })
		nested := New("nested", Spec{})
		nested.Add(idleForever{})
		root.Add(nested)
		synctest.Wait()
		if diff := cmp.Diff(kindsOf(first[before:]), kindsOf(second)); diff != "" || len(second) == 0 {
			t.Errorf("-the first +the second\n%s", diff)
		}
		got := len(second)
		remove()
		remove() // again it changes nothing
		stop()
		if len(second) != got || len(first) == before+got {
			t.Errorf("after it was removed it got %d, the first %d", len(second)-got, len(first)-before-got)
		}
	})
}

// TestANilHookIsAMistake.
func TestANilHookIsAMistake(t *testing.T) {
	defer func() {
		if got := recover(); got != `tend: supervisor "root": AddHook: the function is nil` {
			t.Errorf("it panics with %v", got)
		}
	}()
	New("root", Spec{}).AddHook(nil)
}
