package tend

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/thejerf/abtime"
)

// picky is a hook that wants no details, or may.
type picky struct {
	*sink
	wants bool
	asked int
	got   []Kind
}

func newPicky() *picky {
	p := &picky{}
	p.sink = newHook(New("root", Spec{}), func(e Event) { p.got = append(p.got, e.Kind()) })
	p.wanted = func() bool {
		p.asked++
		return p.wants
	}
	return p
}

// tell hands over events of that moment, and returns what the hook was told.
func (p *picky) tell(at time.Duration, events ...Event) []Kind {
	p.got = nil
	p.put(stamped(at, events), false)
	<-p.strand.Idle()
	return p.got
}

// stamped are the events at that time.
func stamped(at time.Duration, events []Event) []Event {
	from := Origin{Time: time.Unix(1000, 0).Add(at), Supervisor: "root"}
	list := slices.Clone(events)
	for i, e := range list {
		switch e.(type) { // those that are used here
		case ServiceStarted:
			list[i] = ServiceStarted{Origin: from}
		case ServiceFailed:
			list[i] = ServiceFailed{Origin: from}
		}
	}
	return list
}

// TestDetailsThatNobodyWants are handed over until the hook has said so, and again when it was
// asked a moment ago.
func TestDetailsThatNobodyWants(t *testing.T) {
	detail, news := Event(ServiceStarted{}), Event(ServiceFailed{})
	p := newPicky()
	for i, c := range []struct {
		at    time.Duration
		tell  []Event
		wants bool
		want  []Kind
	}{
		{0, []Event{detail}, false, []Kind{kindServiceStarted}}, // it was never asked
		{0, []Event{detail}, false, nil},
		{answerFor - 1, []Event{detail, detail}, false, nil},
		{answerFor, []Event{detail}, true, []Kind{kindServiceStarted}}, // it thinks otherwise now
		{answerFor, []Event{detail}, false, []Kind{kindServiceStarted}},
		{answerFor, []Event{detail}, false, nil},
		{answerFor, []Event{detail, news}, false, []Kind{kindServiceStarted, kindServiceFailed}}, // of what happens at once it gets all
		{answerFor, []Event{detail}, false, nil},
		{0, []Event{detail}, false, []Kind{kindServiceStarted}}, // the clock was set back
		{0, []Event{detail}, false, nil},
	} {
		p.wants = c.wants
		if diff := cmp.Diff(c.want, p.tell(c.at, c.tell...)); diff != "" {
			t.Errorf("%d: %s", i, diff)
		}
	}
}

// TestDetailsAfterNews are wanted until the hook is through with those: it may want to know
// what comes of them. Those that come while it is being asked anew are not.
func TestDetailsAfterNews(t *testing.T) {
	p := newPicky()
	at := time.Unix(1000, 0)
	p.tell(0, ServiceStarted{})
	if p.wantsDetails(at) {
		t.Error("it has said that it wants none")
	}
	p.push(stamped(0, []Event{ServiceFailed{}}), false, true)
	if !p.wantsDetails(at) {
		t.Error("it has not seen the failure")
	}
	p.grab()
	if !p.wantsDetails(at) {
		t.Error("it is busy with the failure")
	}
	p.at = len(p.hand)
	if p.grab(); p.wantsDetails(at) {
		t.Error("it is through with the failure")
	}
	p.push(stamped(time.Hour, []Event{ServiceStarted{}}), false, true)
	if p.wantsDetails(at.Add(time.Hour)) {
		t.Error("one is enough to have it asked")
	}
	if !p.wantsDetails(at.Add(time.Hour + answerFor)) {
		t.Error("it was not asked in time")
	}
}

// TestWhoCannotSayWhatItWants gets everything, and is not asked again if it does not come back
// from that.
func TestWhoCannotSayWhatItWants(t *testing.T) {
	for name, how := range map[string]struct {
		do    func()
		asked int
	}{
		"panic": {func() { panic("ouch") }, 4},
		"exit":  {runtime.Goexit, 1},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPicky()
			p.wanted = func() bool {
				p.asked++
				how.do()
				return false
			}
			for range 2 {
				if got := p.tell(0, ServiceStarted{}); len(got) != 1 {
					t.Errorf("it was told of %d", len(got))
				}
			}
			if p.asked != how.asked {
				t.Errorf("it was asked %d times", p.asked)
			}
		})
	}
}

// TestTheLogTakesNoticeOfItsLevel, a moment later; meanwhile nobody makes what it throws away,
// unless somebody else hears of it.
func TestTheLogTakesNoticeOfItsLevel(t *testing.T) {
	var level slog.LevelVar
	logged := &memory{level: &level}
	before := slog.Default()
	slog.SetDefault(slog.New(logged))
	defer slog.SetDefault(before)
	synctest.Test(t, func(t *testing.T) {
		root, below := New("root", Spec{}), New("below", Spec{})
		root.Add(below)
		stop := served(t, root)
		for _, s := range []*Supervisor{root, below} {
			if got := heardBy(s); got != noDetails {
				t.Errorf("%s hears %v", s.name, got)
			}
		}
		remove := root.AddHook(func(Event) {})
		for _, s := range []*Supervisor{root, below} {
			if got := heardBy(s); got != everything {
				t.Errorf("beside a hook %s hears %v", s.name, got)
			}
		}
		remove()
		if below.AddHook(func(Event) {}); heardBy(root) != noDetails || heardBy(below) != everything {
			t.Errorf("with a hook below the root hears %v and the other one %v", heardBy(root), heardBy(below))
		}
		level.Set(slog.LevelDebug)
		time.Sleep(answerFor)
		root.Add(idleForever{})
		synctest.Wait()
		stop()
	})
	slices.Sort(logged.said) // which of two supervisors is the first to have stopped is not the matter
	want := []string{"service ended", "service ended", "service started", "supervisor stopped", "supervisor stopped", "supervisor stopping", "supervisor stopping"}
	if diff := cmp.Diff(want, logged.said); diff != "" {
		t.Error(diff)
	}
}

// heardBy is what a supervisor hears after it has been quiet for a moment, in which it was asked.
func heardBy(s *Supervisor) (hears hearing) {
	synctest.Wait()
	s.query(func(p *plan, _ instant) { hears = p.hears })
	return hears
}

// memory is a handler that keeps what it is told.
type memory struct {
	level slog.Leveler
	said  []string
}

func (m *memory) Enabled(_ context.Context, l slog.Level) bool { return l >= m.level.Level() }
func (m *memory) Handle(_ context.Context, r slog.Record) error {
	m.said = append(m.said, r.Message)
	return nil
}
func (m *memory) WithAttrs([]slog.Attr) slog.Handler { return m }
func (m *memory) WithGroup(string) slog.Handler      { return m }

// TestTheLogWantsDetailsOfTroubles: who is in trouble may be removed, which is one.
func TestTheLogWantsDetailsOfTroubles(t *testing.T) {
	l := newFoldLog(slog.New(&memory{level: slog.LevelInfo}))
	if l.wantsDetails() {
		t.Error("nobody is in trouble")
	}
	clock, n := abtime.NewManual(), nodeOn(nil, "a")
	n.sup.setClock(clock)
	l.log(t.Context(), failedAt(clock.Now(), 0, n, errors.New("boom")))
	if !l.wantsDetails() {
		t.Error("one is in trouble")
	}
}
