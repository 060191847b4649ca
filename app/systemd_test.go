//go:build unix

package app

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/tendtest"
)

// manager is a systemd that notes what it has heard and when.
type manager struct {
	began time.Time
	mu    sync.Mutex
	heard []string
	err   error
}

func (m *manager) notify(state ...string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return false, m.err
	}
	m.heard = append(m.heard, time.Since(m.began).String()+" "+strings.Join(state, " "))
	return true, nil
}

// refuses has it hear nothing from now on; nil: it hears again.
func (m *manager) refuses(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
}

func (m *manager) take() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	heard := m.heard
	m.heard = nil
	return heard
}

// under runs root under a systemd with a watchdog.
func under(ctx context.Context, m *manager, watchdog time.Duration, root *tend.Supervisor, o Options, changes ...func(*program)) *stage {
	s := &stage{root: root, signals: make(chan os.Signal), log: &buffer{}, stderr: &buffer{}, code: make(chan int, 1)}
	o.Logger, o.Stderr = logTo(s.log), s.stderr
	s.program = newProgram(root, o)
	m.began = time.Now()
	s.program.systemd.enabled = true
	s.program.systemd.notify = m.notify
	s.program.systemd.watchdog = watchdog
	for _, change := range changes {
		change(s.program)
	}
	return s.begin(ctx)
}

func (m *manager) want(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, m.take()); diff != "" {
		t.Errorf("told systemd: -want +got\n%s", diff)
	}
}

func TestSystemd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := tend.New("root", quiet(tend.Spec{}))
		root.Add(tendtest.Slow("web", 2500*time.Millisecond))
		root.Add(readyAfter("db", 1500*time.Millisecond))
		var m manager
		s := under(t.Context(), &m, 20*time.Second, root, Options{})
		time.Sleep(500 * time.Millisecond)
		m.take() // how far the tree had come at once
		time.Sleep(11500 * time.Millisecond)
		synctest.Wait()
		m.want(t,
			"1s EXTEND_TIMEOUT_USEC=10000000 WATCHDOG=1 STATUS=starting: 1 of 2 services run: root/db is starting for 1s",
			"1.5s READY=1 WATCHDOG=1 STATUS=2 of 2 services run",
			"6.5s WATCHDOG=1",
			"11.5s WATCHDOG=1",
		)
		s.signals <- syscall.SIGTERM
		s.wantCode(t, 0, 2500*time.Millisecond)
		m.want(t,
			"12s STOPPING=1 EXTEND_TIMEOUT_USEC=10000000 STATUS=stopping",
			"13s EXTEND_TIMEOUT_USEC=10000000 STATUS=stopping: 1 service left: root/web is stopping for 1s",
			"14s EXTEND_TIMEOUT_USEC=10000000 STATUS=stopping: 1 service left: root/web is stopping for 2s",
			"14.5s STOPPING=1 STATUS=ended with exit code 0: signal: terminated",
		)
	})
}

// A start that takes longer than systemd's TimeoutStartSec= has more time as long as
// services become ready in turn, and none for a service that has failed.
func TestSystemdLongStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root, db := tend.New("root", quiet(tend.Spec{Ordered: true})), tend.New("db", tend.Spec{})
		db.Add(readyAfter("pool", 39500*time.Millisecond))
		root.Add(db)
		root.Add(readyAfter("cache", 39500*time.Millisecond))
		root.Add(tend.Child{Service: tendtest.Idle("never"), ReadyTimeout: 9500 * time.Millisecond})
		var m manager
		s := under(t.Context(), &m, 0, root, Options{})
		time.Sleep(500 * time.Millisecond)
		m.take() // how far the tree had come at once
		time.Sleep(150 * time.Second)
		var extended []string
		for _, line := range m.take() {
			if at, _, is := strings.Cut(line, " EXTEND_TIMEOUT_USEC=10000000"); is {
				extended = append(extended, at)
			}
		}
		if n := len(extended); n != 88 || extended[0] != "1s" || extended[n-1] != "1m28s" {
			t.Errorf("it asked for more time at %q", extended)
		}
		s.signals <- syscall.SIGTERM
		<-s.code
	})
}

func TestIsOnItsWay(t *testing.T) {
	starting, failed := svc("root/a", tend.StateStarting), svc("root/a", tend.StateStarting)
	failed.Failed = 1
	nest := func(failed uint64, s tend.Status) tend.ServiceStatus {
		c := svc("root/db", tend.StateStarting)
		c.Failed, c.Supervisor = failed, &s
		return c
	}
	for _, test := range []struct {
		name string
		tree tend.Status
		want bool
	}{
		{"nothing", sup("root"), false},
		{"starting", sup("root", svc("root/x", tend.StateRunning), starting), true},
		{"tried again", sup("root", failed), false},
		{"another is tried again", sup("root", failed, starting), true},
		{"down", sup("root", svc("root/a", tend.StateBackoff), svc("root/b", tend.StatePending)), false},
		{"nested", sup("root", nest(0, sup("root/db", starting))), true},
		{"nested, tried again", sup("root", nest(0, sup("root/db", failed))), false},
		{"nested, tried again as a whole", sup("root", nest(1, sup("root/db", starting))), false},
	} {
		if got := isOnItsWay(test.tree); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

// A watchdog that wants to hear more often does.
func TestSystemdShortWatchdog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := tend.New("root", quiet(tend.Spec{}))
		root.Add(readyAfter("x", 100*time.Millisecond))
		var m manager
		s := under(t.Context(), &m, time.Second, root, Options{})
		time.Sleep(50 * time.Millisecond)
		m.take() // how far the tree had come at once
		time.Sleep(1150 * time.Millisecond)
		synctest.Wait()
		m.want(t,
			"100ms READY=1 WATCHDOG=1 STATUS=1 of 1 services run",
			"600ms WATCHDOG=1",
			"1.1s WATCHDOG=1",
		)
		s.signals <- syscall.SIGTERM
		<-s.code
	})
}

// The watchdog is fed only while the tree is live, and without one nothing is
// said that is not news.
func TestSystemdNotLive(t *testing.T) {
	for _, watchdog := range []time.Duration{0, 4 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			root := tend.New("root", quiet(tend.Spec{}))
			var sick atomic.Bool
			var m manager
			s := under(t.Context(), &m, watchdog, root, Options{Live: func(tend.Status) error {
				if sick.Load() {
					return errors.New("out of sorts")
				}
				return nil
			}})
			time.Sleep(time.Second)
			m.take()
			sick.Store(true)
			time.Sleep(20 * time.Second)
			at := "5s"
			if watchdog > 0 {
				at = "2s"
			}
			m.want(t, at+" STATUS=not live: out of sorts")
			sick.Store(false)
			time.Sleep(5500 * time.Millisecond)
			if watchdog > 0 {
				m.want(t, "22s WATCHDOG=1 STATUS=0 of 0 services run", "24s WATCHDOG=1", "26s WATCHDOG=1")
			} else {
				m.want(t, "25s STATUS=0 of 0 services run")
			}
			s.signals <- syscall.SIGTERM
			<-s.code
		})
	}
}

// A check that panics says no.
func TestSystemdHostileLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := tend.New("root", quiet(tend.Spec{}))
		root.Add(readyAfter("x", 100*time.Millisecond))
		var m manager
		s := under(t.Context(), &m, time.Minute, root, Options{Live: func(tend.Status) error { panic("ouch") }})
		time.Sleep(time.Second)
		m.want(t, "0s STATUS=starting: not live: panic: ouch", "100ms READY=1 STATUS=not live: panic: ouch")
		s.signals <- syscall.SIGTERM
		<-s.code
	})
}

// A check that hangs is asked once, says no, and keeps nothing else from being told.
func TestSystemdHungLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := tend.New("root", quiet(tend.Spec{}))
		root.Add(readyAfter("x", 2500*time.Millisecond))
		hung := make(chan struct{})
		var asked atomic.Int32
		var m manager
		s := under(t.Context(), &m, time.Minute, root, Options{Live: func(tend.Status) error {
			asked.Add(1)
			<-hung
			return nil
		}})
		time.Sleep(20 * time.Second)
		m.want(t, "1s STATUS=starting: not live: Options.Live does not return", "2.5s READY=1 STATUS=not live: Options.Live does not return")
		s.signals <- syscall.SIGTERM
		s.wantCode(t, 0, 500*time.Millisecond)
		m.want(t, "20s STOPPING=1 EXTEND_TIMEOUT_USEC=10000000 STATUS=stopping",
			"20.5s STOPPING=1 STATUS=ended with exit code 0: signal: terminated")
		if n := asked.Load(); n != 1 {
			t.Errorf("it was asked %d times", n)
		}
		close(hung)
	})
}

// An answer that comes after its time is that of the next round, each time: systemd kills a
// program of which it hears too seldom that it lives.
func TestSystemdSlowLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := tend.New("root", quiet(tend.Spec{}))
		root.Add(tendtest.Idle("x"))
		var m manager
		s := under(t.Context(), &m, time.Minute, root, Options{Live: func(tend.Status) error {
			time.Sleep(1500 * time.Millisecond)
			return nil
		}})
		time.Sleep(10*time.Minute - time.Second)
		alive := 0
		for _, line := range m.take() {
			if strings.Contains(line, "WATCHDOG=1") {
				alive++
			}
		}
		if alive != 54 { // it is asked for a second, and 5s later the answer is there, and 5s later it is asked again
			t.Errorf("it is said to live %d times", alive)
		}
		s.signals <- syscall.SIGTERM
		<-s.code
	})
}

// A tree that does not answer is not live.
func TestSystemdNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := tend.New("root", quiet(tend.Spec{}))
		hung := make(chan struct{})
		var hangs atomic.Bool
		var m manager
		s := under(t.Context(), &m, 2*time.Second, root, Options{}, func(p *program) {
			p.tree.Ask = func() tend.Status {
				if hangs.Load() {
					<-hung
				}
				return root.Status()
			}
		})
		time.Sleep(500 * time.Millisecond)
		m.take()
		hangs.Store(true)
		time.Sleep(8500 * time.Millisecond)
		m.want(t, "6s STATUS=the tree does not answer")
		close(hung)
		s.signals <- syscall.SIGTERM
		<-s.code
	})
}

func TestSystemdReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := tend.New("root", quiet(tend.Spec{}))
		var m manager
		s := under(t.Context(), &m, 0, root, Options{Reload: []func(context.Context) error{
			func(context.Context) error { time.Sleep(time.Second); return nil },
		}})
		time.Sleep(time.Minute)
		m.take()
		s.signals <- syscall.SIGHUP
		time.Sleep(2 * time.Second)
		heard := m.take()
		if len(heard) != 2 || !strings.HasPrefix(heard[0], "1m0s RELOADING=1") || heard[1] != "1m1s READY=1" {
			t.Errorf("heard %q", heard)
		}
		s.signals <- syscall.SIGTERM
		<-s.code
	})
}

// That systemd cannot be told is said once and changes nothing.
func TestSystemdFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := tend.New("root", quiet(tend.Spec{}))
		m := manager{err: io.ErrClosedPipe}
		s := under(t.Context(), &m, time.Second, root, Options{})
		time.Sleep(time.Minute)
		s.signals <- syscall.SIGTERM
		s.wantCode(t, 0, 0)
		if n := strings.Count(s.log.String(), "systemd cannot be told"); n != 1 {
			t.Errorf("it was said %d times:\n%s", n, s.log)
		}
	})
}

// What did not arrive is said again until it does.
func TestSystemdHearsWhatDidNotArrive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := tend.New("root", quiet(tend.Spec{}))
		root.Add(tendtest.Slow("web", 3700*time.Millisecond))
		var m manager
		m.err = io.ErrClosedPipe
		s := under(t.Context(), &m, 0, root, Options{Reload: []func(context.Context) error{
			func(context.Context) error { m.refuses(io.ErrClosedPipe); return nil },
		}})
		time.Sleep(2500 * time.Millisecond)
		m.refuses(nil)
		time.Sleep(time.Minute)
		m.want(t, "3s READY=1 STATUS=1 of 1 services run")
		s.signals <- syscall.SIGHUP
		synctest.Wait()
		if heard := m.take(); len(heard) != 1 || !strings.HasPrefix(heard[0], "1m2.5s RELOADING=1") {
			t.Errorf("heard %q", heard)
		}
		m.refuses(nil)
		time.Sleep(time.Minute)
		m.want(t, "1m3s READY=1")
		m.refuses(io.ErrClosedPipe)
		s.signals <- syscall.SIGTERM
		time.Sleep(1500 * time.Millisecond)
		m.refuses(nil)
		s.wantCode(t, 0, 2200*time.Millisecond)
		m.want(t,
			"2m4.5s STOPPING=1 EXTEND_TIMEOUT_USEC=10000000 STATUS=stopping",
			"2m5.5s EXTEND_TIMEOUT_USEC=10000000 STATUS=stopping: 1 service left: root/web is stopping for 3s",
			"2m6.2s STOPPING=1 STATUS=ended with exit code 0: signal: terminated",
		)
	})
}

// READY ends a reload: it is not said in the middle of one, though an earlier one did not arrive.
func TestSystemdHearsNoReadyDuringAReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := tend.New("root", quiet(tend.Spec{}))
		root.Add(tendtest.Idle("web"))
		var m manager
		m.err = io.ErrClosedPipe
		s := under(t.Context(), &m, 0, root, Options{Reload: []func(context.Context) error{
			func(context.Context) error { m.refuses(nil); time.Sleep(5 * time.Second); return nil },
		}})
		time.Sleep(2500 * time.Millisecond)
		s.signals <- syscall.SIGHUP
		time.Sleep(time.Minute)
		m.want(t, "3s STATUS=1 of 1 services run", "7.5s READY=1", "8s READY=1")
		s.signals <- syscall.SIGTERM
		s.wantCode(t, 0, 0)
	})
}

// Nothing comes after the farewell, not even what was on its way.
func TestSystemdFarewell(t *testing.T) {
	m := manager{began: time.Now()}
	s := &systemd{enabled: true, notify: m.notify}
	s.farewell("so long")
	s.send("READY=1")
	if heard := m.take(); len(heard) != 1 || !strings.HasSuffix(heard[0], " STOPPING=1 STATUS=so long") {
		t.Errorf("heard %q", heard)
	}
}

// Once the stop has begun nothing is said of a reload, also if that waits for its turn to say it.
func TestSystemdHearsOfNoReloadDuringAStop(t *testing.T) {
	said, hung := make(chan string, 3), make(chan struct{})
	s := &systemd{enabled: true, wake: make(chan struct{}, 1), notify: func(state ...string) (bool, error) {
		said <- strings.Join(state, " ")
		<-hung
		return true, nil
	}}
	s.enter(up)
	var both sync.WaitGroup
	both.Go(s.reloading)
	if first := <-said; !strings.HasPrefix(first, "RELOADING=1") {
		t.Errorf("said %q", first)
	}
	both.Go(s.reloaded)
	both.Go(s.reloading)
	s.enter(ending)
	close(hung)
	both.Wait()
	if len(said) > 0 {
		t.Errorf("then it said %q", <-said)
	}
}
