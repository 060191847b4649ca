package server

import (
	"context"
	"errors"
	"io"
	"math"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
)

// *grpc.Server has these methods; the module does not depend on it.
var _ Graceful = interface {
	Serve(net.Listener) error
	GracefulStop()
	Stop()
}(nil)

// fakeListener listens to nobody.
type fakeListener struct{ closed bool }

func (l *fakeListener) Accept() (net.Conn, error) { return nil, net.ErrClosed }
func (l *fakeListener) Addr() net.Addr            { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 99} }

func (l *fakeListener) Close() error {
	l.closed = true
	return nil
}

// fakeServer serves until it is stopped, and needs a time for that.
type fakeServer struct {
	drains   time.Duration // of GracefulStop
	panics   bool          // in GracefulStop
	closes   time.Duration // of Stop
	ends     error         // of Serve, after a second, if not nil …
	endsFine bool          // … or nil
	crashes  bool
	stopped  chan struct{} // Serve
	cut      chan struct{} // GracefulStop
	began    time.Time

	mu        sync.Mutex
	isStopped bool
	calls     []string
}

// start makes what a run needs.
func (f *fakeServer) start() *fakeServer {
	f.stopped, f.cut, f.began = make(chan struct{}), make(chan struct{}), time.Now()
	return f
}

func (f *fakeServer) note(what string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, time.Since(f.began).String()+" "+what)
}

func (f *fakeServer) halt() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.isStopped {
		f.isStopped = true
		close(f.stopped)
	}
}

func (f *fakeServer) Serve(net.Listener) error {
	f.note("serve")
	if f.ends != nil || f.endsFine || f.crashes {
		time.Sleep(time.Second)
		if f.crashes {
			panic("crash")
		}
		return f.ends
	}
	<-f.stopped
	return errors.New("server closed")
}

func (f *fakeServer) GracefulStop() {
	f.note("drain")
	f.halt()
	if f.panics {
		panic("ouch")
	}
	select {
	case <-time.After(f.drains):
	case <-f.cut:
	}
}

func (f *fakeServer) Stop() {
	f.note("stop")
	time.Sleep(f.closes)
	f.halt()
	close(f.cut)
}

// lives of one run each: what the server saw, and what became of the service.
func TestServer(t *testing.T) {
	for _, test := range []struct {
		name  string
		fake  *fakeServer
		calls []string // when the service is asked to stop after 10s
		ended string   // the error it ends with
		after time.Duration
	}{
		{"drained", &fakeServer{drains: 3 * time.Second}, []string{"0s serve", "10s drain"}, "", 13 * time.Second},
		{
			"cut off", &fakeServer{drains: time.Hour, closes: time.Second},
			[]string{"0s serve", "10s drain", "15s stop"},
			"tend/server: work under way was cut off after 5s", 16 * time.Second,
		},
		{
			"GracefulStop panics", &fakeServer{panics: true},
			[]string{"0s serve", "10s drain", "10s stop"},
			"panic: ouch", 10 * time.Second,
		},
		{"fails", &fakeServer{ends: io.EOF}, []string{"0s serve", "1s drain"}, "tend/server: the server ended by itself: EOF", time.Second},
		{"ends", &fakeServer{endsFine: true}, []string{"0s serve", "1s drain"}, "tend/server: the server ended by itself", time.Second},
		{
			"fails with work under way", &fakeServer{ends: io.EOF, drains: 3 * time.Second},
			[]string{"0s serve", "1s drain"},
			"tend/server: the server ended by itself: EOF", 4 * time.Second,
		},
		{
			"fails with too much work under way", &fakeServer{ends: io.EOF, drains: time.Hour},
			[]string{"0s serve", "1s drain", "6s stop"},
			"tend/server: the server ended by itself: EOF tend/server: work under way was cut off after 5s", 6 * time.Second,
		},
		{"panics", &fakeServer{crashes: true}, []string{"0s serve", "1s stop"}, "panic: crash", time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var ended string
				var at time.Duration
				began := time.Now()
				root := tend.New("root", tend.Spec{EventHook: func(e tend.Event) {
					if e, ok := e.(tend.ServiceEnded); ok {
						ended, at = e.Err.Text, e.Time.Sub(began)
					}
				}})
				fake, listener := test.fake.start(), &fakeListener{}
				child := Config{
					Name: "fake", Drain: 5 * time.Second,
					Listen: func(context.Context) (net.Listener, error) { return listener, nil },
					New:    func(context.Context) Graceful { return fake },
				}.Child()
				child.Restart = tend.Temporary
				if child.Timeout != 7*time.Second {
					t.Errorf("Timeout is %v", child.Timeout)
				}
				ctx, cancel := context.WithCancel(t.Context())
				result := root.ServeBackground(ctx)
				if _, err := root.Start(ctx, child); err != nil {
					t.Error(err)
				}
				if s := root.Status().Services[0]; s.Name != "fake" || s.State != tend.StateRunning || s.Annotations[0].String() != "address=127.0.0.1:99" {
					t.Errorf("it is %v %v with %v", s.Name, s.State, s.Annotations)
				}
				time.Sleep(10 * time.Second)
				cancel()
				<-result
				synctest.Wait()
				if diff := cmp.Diff(test.calls, fake.calls); diff != "" {
					t.Errorf("-want +got\n%s", diff)
				}
				if ended != test.ended || at != test.after {
					t.Errorf("after %v it ended with %q; want %v, %q", at, ended, test.after, test.ended)
				}
				if !listener.closed {
					t.Error("the listener is open")
				}
				if u := root.UnstoppedServices(); len(u) > 0 {
					t.Errorf("stuck: %v", u)
				}
			})
		})
	}
}

// TestServerIsCutOffInTime: when less is left than Drain, so that it does not get stuck.
func TestServerIsCutOffInTime(t *testing.T) {
	for within, stop := range map[time.Duration]string{
		time.Minute:      "5s stop",    // Drain
		10 * time.Second: "5s stop",    // Timeout, which is Drain and 2s
		5 * time.Second:  "3.8s stop",  // of 4.75s a fifth less
		time.Second:      "760ms stop", // of 950ms
	} {
		wantCutOff(t, &fakeServer{}, within, 0, "0s serve", "0s drain", stop)
	}
}

// TestServerThatEndedByItselfIsCutOffInTime: the stop of the tree may leave it less than it had
// when it began to drain.
func TestServerThatEndedByItselfIsCutOffInTime(t *testing.T) {
	for within, stop := range map[time.Duration]string{
		time.Minute: "6s stop", // its Drain, from 1s on
		time.Second: "2.26s stop",
	} {
		wantCutOff(t, &fakeServer{ends: io.EOF}, within, 1500*time.Millisecond, "0s serve", "1s drain", stop)
	}
}

// TestServerThatWasRemovedIsCutOffInTime, when the whole is stopped while it drains.
func TestServerThatWasRemovedIsCutOffInTime(t *testing.T) {
	for within, stop := range map[time.Duration]string{
		time.Minute:     "5s stop",
		2 * time.Second: "2.52s stop", // of 1.9s a fifth less, from 1s on
	} {
		wantCutOff(t, &fakeServer{}, within, time.Second, "0s serve", "0s drain", stop)
	}
}

// wantCutOff stops a tree after some time, within some, whose server drains for an hour. If that
// does not end by itself it is removed first.
func wantCutOff(t *testing.T, fake *fakeServer, within, after time.Duration, want ...string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		fake.drains = time.Hour
		fake.start()
		root := tend.New("root", tend.Spec{StopWithin: within, EventHook: func(tend.Event) {}})
		token := root.Add(Config{
			Name: "fake", Drain: 5 * time.Second,
			Listen: func(context.Context) (net.Listener, error) { return &fakeListener{}, nil },
			New:    func(context.Context) Graceful { return fake },
		}.Child())
		result := root.ServeBackground(t.Context())
		synctest.Wait()
		if fake.ends == nil && after > 0 {
			_ = root.Remove(token)
		}
		time.Sleep(after)
		synctest.Wait()
		root.Stop()
		<-result
		synctest.Wait()
		if diff := cmp.Diff(want, fake.calls); diff != "" {
			t.Errorf("within %v: -want +got\n%s", within, diff)
		}
		if u := root.UnstoppedServices(); len(u) > 0 {
			t.Errorf("within %v: stuck: %v", within, u)
		}
	})
}

// A panic of the server says where it happened.
func TestServerPanicsSomewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		fake := (&fakeServer{panics: true}).start()
		err := Config{
			Listen: func(context.Context) (net.Listener, error) { return &fakeListener{}, nil },
			New:    func(context.Context) Graceful { return fake },
		}.Child().Serve(ctx)
		var p *tend.PanicError
		if !errors.As(err, &p) || !strings.Contains(p.Stack(), "(*fakeServer).GracefulStop\n") {
			t.Errorf("got %v", err)
		}
	})
}

// A run without a server is a failure as well, of one that nobody has taken to be ready.
func TestNewReturnsNil(t *testing.T) {
	for name, srv := range map[string]Graceful{"nil": nil, "a nil pointer": (*fakeServer)(nil)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var told []string
				spec := quiet()
				spec.EventHook = func(e tend.Event) {
					switch e := e.(type) {
					case tend.ServiceReady:
						told = append(told, e.Kind().String())
					case tend.ServiceFailed:
						told = append(told, e.Kind().String()+": "+e.Err.Text)
					}
				}
				root, listener := tend.New("root", spec), &fakeListener{}
				root.Add(Config{
					Listen: func(context.Context) (net.Listener, error) { return listener, nil },
					New:    func(context.Context) Graceful { return srv },
				}.Child())
				result := root.ServeBackground(t.Context())
				synctest.Wait()
				root.Stop()
				<-result
				synctest.Wait()
				if diff := cmp.Diff([]string{"service failed: tend/server: Config.New returned nil"}, told); diff != "" {
					t.Errorf("-want +got\n%s", diff)
				}
				if !listener.closed {
					t.Error("the listener is open")
				}
			})
		})
	}
}

// A run that cannot listen fails at once; the next ones may, 100ms and 200ms later.
func TestServerCannotListen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inUse := errors.New("address in use")
		tries := 0
		root := tend.New("root", quiet())
		child := Config{
			Listen: func(context.Context) (net.Listener, error) {
				if tries++; tries < 3 {
					return nil, inUse
				}
				return &fakeListener{}, nil
			},
			New: func(context.Context) Graceful { return new(fakeServer).start() },
		}.Child()
		ctx, cancel := context.WithCancel(t.Context())
		result := root.ServeBackground(ctx)
		began := time.Now()
		if _, err := root.Start(ctx, child); err != nil || time.Since(began) != 300*time.Millisecond {
			t.Errorf("started with %v after %v", err, time.Since(began))
		}
		if s := root.Status().Services[0]; s.Failed != 2 || !errors.Is(s.Failures[0].Err, inUse) || s.Name != "server" {
			t.Errorf("%+v", s)
		}
		cancel()
		<-result
	})
}

// An address that is in use for a second is nothing that others pause for, and does
// not end the tree.
func TestServerAddressInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := time.Now().Add(time.Second)
		root := tend.New("root", quiet())
		child := Config{
			Listen: func(context.Context) (net.Listener, error) {
				if time.Now().Before(free) {
					return nil, errors.New("address in use")
				}
				return &fakeListener{}, nil
			},
			New: func(context.Context) Graceful { return new(fakeServer).start() },
		}.Child()
		ctx, cancel := context.WithCancel(t.Context())
		result := root.ServeBackground(ctx)
		began := time.Now()
		if _, err := root.Start(ctx, child); err != nil || time.Since(began) != 1500*time.Millisecond { // 100 + 200 + 400 + 800
			t.Errorf("started with %v after %v", err, time.Since(began))
		}
		if s := root.Status(); s.Count != 0 || !s.PausedUntil.IsZero() {
			t.Errorf("others suffer: %v", s)
		}
		cancel()
		<-result
	})
}

func TestServerPanics(t *testing.T) {
	wantPanic(t, "tend/server: Config.New is nil", func() { Config{}.Child() })
	wantPanic(t, "tend/server: Config.Drain is -1s", func() {
		Config{New: func(context.Context) Graceful { return nil }, Drain: -time.Second}.Child()
	})
	c := Config{Addr: ":99", New: func(context.Context) Graceful { return nil }}.Child()
	if c.Name != "server@:99" || c.Timeout != 10*time.Second || c.ReadyTimeout != 10*time.Second {
		t.Errorf("%+v", c)
	}
}

// A real listener, opened from Addr, twice.
func TestServerListens(t *testing.T) {
	child := Config{Addr: "256.0.0.1:1", New: func(context.Context) Graceful { return new(fakeServer).start() }}.Child()
	if err := child.Serve(t.Context()); err == nil {
		t.Error("it listens at 256.0.0.1")
	}
	ctx, cancel := context.WithCancel(t.Context())
	child = Config{Addr: "127.0.0.1:0", New: func(context.Context) Graceful {
		cancel()
		return new(fakeServer).start()
	}}.Child()
	if err := child.Serve(ctx); err != nil { // also outside of a supervisor
		t.Error(err)
	}
}

// A Drain without end is one.
func TestADrainMayBeWithoutEnd(t *testing.T) {
	for drain, want := range map[time.Duration]time.Duration{
		math.MaxInt64: math.MaxInt64, math.MaxInt64 - time.Second: math.MaxInt64, time.Second: 3 * time.Second,
	} {
		c := Config{Drain: drain, New: func(context.Context) Graceful { return new(fakeServer) }}
		child := c.Child()
		if child.Timeout != want {
			t.Errorf("Timeout is %d with Drain %d", child.Timeout, drain)
		}
		tend.New("root", tend.Spec{}).Add(child)
	}
}
