package server

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend"
)

// pipes is a listener whose connections are pipes, so that all of a server's time is
// that of a bubble.
type pipes struct {
	conns  chan net.Conn
	broken chan struct{} // Accept fails
	closed chan struct{}
}

func newPipes() *pipes {
	return &pipes{make(chan net.Conn), make(chan struct{}), make(chan struct{})}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.broken:
		return nil, io.ErrUnexpectedEOF
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	select {
	case <-p.closed:
	default:
		close(p.closed)
	}
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Net: "unix", Name: "pipes"} }

// dial connects, and is accepted.
func (p *pipes) dial() net.Conn {
	here, there := net.Pipe()
	p.conns <- there
	synctest.Wait()
	return here
}

// ask sends a request and returns the answer, empty if there is none.
func ask(c net.Conn) string {
	if _, err := fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		return ""
	}
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return ""
	}
	body, _ := io.ReadAll(r.Body)
	return string(body)
}

// piped is a server for HTTP at pipes in a tree.
type piped struct {
	*pipes
	cancel context.CancelFunc
	result <-chan error
	ended  tend.Event // of the first run
	at     time.Time
}

func servePipes(t *testing.T, srv *http.Server, drain time.Duration) *piped {
	t.Helper()
	p := &piped{pipes: newPipes()}
	root := tend.New("root", tend.Spec{Jitter: -1, EventHook: func(e tend.Event) {
		switch e.(type) {
		case tend.ServiceEnded, tend.ServiceFailed:
			if p.ended == nil {
				p.ended, p.at = e, e.From().Time
			}
		}
	}})
	var ctx context.Context
	ctx, p.cancel = context.WithCancel(t.Context())
	p.result = root.ServeBackground(ctx)
	opened := false
	child := Config{New: CopiesOf(srv), Drain: drain, Listen: func(context.Context) (net.Listener, error) {
		if opened {
			return nil, io.ErrNoProgress
		}
		opened = true
		return p.pipes, nil
	}}.Child()
	if _, err := root.Start(ctx, child); err != nil {
		t.Fatal(err)
	}
	return p
}

// stop stops it and returns how long its run took for that, and with what it ended.
func (p *piped) stop() (time.Duration, string) {
	began := time.Now()
	p.cancel()
	<-p.result
	e, _ := p.ended.(tend.ServiceEnded)
	return p.at.Sub(began), e.Err.Error()
}

// A handler that would go on for ever learns that the server is to stop, with a base
// context of its own, too.
func TestHTTPStopping(t *testing.T) {
	for name, base := range map[string]func(net.Listener) context.Context{
		"the service's context": nil,
		"another one":           func(net.Listener) context.Context { return context.Background() }, //nolint:usetesting // of the bubble, which t is not
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := servePipes(t, &http.Server{BaseContext: base, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					select {
					case <-Stopping(r.Context()):
						fmt.Fprint(w, "bye ", r.Context().Err())
					case <-r.Context().Done():
					}
				})}, time.Hour)
				answer := make(chan string)
				go func() { answer <- ask(p.dial()) }()
				time.Sleep(time.Minute)
				p.cancel()
				if got := <-answer; got != "bye <nil>" {
					t.Errorf("got %q", got)
				}
				if _, err := p.stop(); err != "" {
					t.Errorf("it ended with %q", err)
				}
			})
		})
	}
	if Stopping(t.Context()) != nil {
		t.Error("no server is to stop")
	}
}

// So does one that has taken its connection over.
func TestHTTPStoppingHijacked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := servePipes(t, &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			<-Stopping(r.Context())
		})}, time.Hour)
		go ask(p.dial())
		time.Sleep(time.Minute)
		if took, err := p.stop(); took != 0 || err != "" {
			t.Errorf("it took %v to end with %q", took, err)
		}
	})
}

// A connection that was opened and never used, or has brought half of a request, does
// not hold up the stop for 5s, as it does that of an http.Server.
func TestHTTPSpeculative(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var states atomic.Int32
		srv := &http.Server{Handler: http.NotFoundHandler(), ConnState: func(net.Conn, http.ConnState) { states.Add(1) }}
		p := servePipes(t, srv, time.Hour)
		unused, half := p.dial(), p.dial()
		fmt.Fprint(half, "GET / HTTP/1.1\r\n")
		began := time.Now()
		p.cancel()
		for _, c := range []net.Conn{unused, half} {
			if _, err := c.Read(make([]byte, 1)); err != io.EOF || time.Since(began) > 0 {
				t.Errorf("after %v: %v", time.Since(began), err)
			}
		}
		if took, err := p.stop(); took > time.Second || err != "" { // it looks twice a second whether they are closed
			t.Errorf("it took %v more to end with %q", took, err)
		}
		if n := states.Load(); n != 5 { // new, closed; new, active, closed
			t.Errorf("its own hook was told of %d states", n)
		}
	})
}

// A client that does not come to the end of the head of its request is left after a
// while, unless the server says otherwise. One that is between two requests is not.
func TestHTTPSlowHead(t *testing.T) {
	for name, c := range map[string]struct {
		srv  *http.Server
		want time.Duration // 0: it is not left
	}{
		"by default":           {&http.Server{}, 10 * time.Second},
		"its own":              {&http.Server{ReadHeaderTimeout: time.Minute}, time.Minute},
		"one for all of it":    {&http.Server{ReadTimeout: time.Hour}, time.Hour},
		"none":                 {&http.Server{ReadHeaderTimeout: -1}, 0},
		"none for all of it":   {&http.Server{ReadTimeout: -1}, 0},
		"one for idle clients": {&http.Server{IdleTimeout: time.Hour}, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.srv.Handler = http.NotFoundHandler()
				p := servePipes(t, c.srv, time.Hour)
				conn := p.dial()
				fmt.Fprint(conn, "GET / HTTP/1.1\r\n")
				began, left := time.Now(), make(chan time.Duration, 1)
				go func() {
					_, _ = conn.Read(make([]byte, 1))
					left <- time.Since(began)
				}()
				time.Sleep(24 * time.Hour)
				select {
				case after := <-left:
					if after != c.want {
						t.Errorf("left after %v, want %v", after, c.want)
					}
				default:
					if c.want != 0 {
						t.Errorf("not left in a day, want %v", c.want)
					}
				}
				p.stop()
			})
		})
	}
}

// One that is accepted while the listener is being closed is closed, too.
func TestHTTPSpeculativeLate(t *testing.T) {
	var s silent
	s.close()
	here, there := net.Pipe()
	s.note(there, http.StateNew)
	if _, err := here.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("got %v", err)
	}
}

// When the listener breaks, requests under way come to their end, and then the run
// has failed.
func TestHTTPListenerBreaks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := servePipes(t, &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			<-Stopping(r.Context())
			time.Sleep(3 * time.Second)
			fmt.Fprint(w, "done ", r.Context().Err())
		})}, time.Hour)
		answer := make(chan string)
		go func() { answer <- ask(p.dial()) }()
		time.Sleep(time.Minute)
		broke := time.Now()
		close(p.broken)
		if got := <-answer; got != "done <nil>" {
			t.Errorf("got %q", got)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		failed, ok := p.ended.(tend.ServiceFailed)
		if !ok || p.at.Sub(broke) < 3*time.Second || !strings.HasSuffix(failed.Err.Error(), "ended by itself: unexpected EOF") {
			t.Errorf("after %v there was %v", p.at.Sub(broke), p.ended)
		}
		p.stop()
	})
}
