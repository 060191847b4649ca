package observe

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tend-go/tend"
)

// The actions reach a service at any depth, and what the tree says comes back.
func TestActions(t *testing.T) {
	f := newFakeTree(supervisor("root", "a", "b/", "c/", "d").Status())
	service := f.status.Services[1].Supervisor.Services[0].Supervisor.Services[0]
	var seen []string
	p := newTestPage(t, f, Options{Logger: slog.New(slog.DiscardHandler), Allow: func(r *http.Request, a Action, s tend.ServiceStatus) error {
		seen = append(seen, string(a)+" "+s.Path+" "+r.Header.Get("X-User"))
		return nil
	}})
	id := service.Token.String()[1:]
	for _, action := range []Action{Restart, Suspend, Remove} {
		w := push(p, id, action, "root/b/c/d", "X-User", "eve")
		if got, want := w.Body.String(), string(action)+" requested\n"; w.Code != 200 || got != want {
			t.Errorf("%s: %d %q, want %q", action, w.Code, got, want)
		}
	}
	f.err = tend.ErrRemoved
	if w := push(p, id, Restart, "root/b/c/d"); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "removed") {
		t.Errorf("%d %q, want 409 with the tree's error", w.Code, w.Body)
	}
	want := []string{"restart root/b/c/d eve", "suspend root/b/c/d eve", "remove root/b/c/d eve", "restart root/b/c/d "}
	if d := cmp.Diff(want, seen); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"restart(<nil>) " + id, "suspend " + id, "remove " + id, "restart(<nil>) " + id}, f.calls); d != "" {
		t.Error(d)
	}
}

// A service that serves a supervisor which it has not declared is acted on like others, though
// that has a path of its own, which its events have.
func TestWhatServesASupervisorMayBeActedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root, inner := supervisor("root"), supervisor("inner", "a")
		token := root.Add(tend.Func("svc", inner.Serve))
		p := Handler(root, Options{Logger: slog.New(slog.DiscardHandler), Allow: func(*http.Request, Action, tend.ServiceStatus) error { return nil }})
		defer p.Close()
		synctest.Wait()
		done := root.ServeBackground(t.Context())
		synctest.Wait()
		time.Sleep(gapMin)

		id := token.String()[1:]
		var n node
		if err := json.Unmarshal(request(p, "GET", "/api/node/"+id).Body.Bytes(), &n); err != nil {
			t.Fatal(err)
		}
		if n.Path != "root/svc" || n.Supervisor.Path != "root/svc/inner" || len(n.Events) != 2 {
			t.Errorf("its path is %q, that of its supervisor %q; events are %+v", n.Path, n.Supervisor.Path, n.Events)
		}
		if w := push(p, id, Restart, n.Path); w.Code != http.StatusOK {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		root.Stop()
		<-done
	})
}

// A number alone does not say which service is meant: in another program it is another
// one. Who means something else is told, and nobody is asked.
func TestAnActionSaysWhichServiceItMeans(t *testing.T) {
	f := newFakeTree(supervisor("root", "a", "b").Status())
	p := newTestPage(t, f, Options{Logger: slog.New(slog.DiscardHandler), Allow: func(*http.Request, Action, tend.ServiceStatus) error {
		t.Error("Allow was asked")
		return nil
	}})
	id := f.status.Services[0].Token.String()[1:]
	for name, form := range map[string]url.Values{
		"another program": {"epoch": {"another"}, "path": {"root/a"}},
		"another service": {"epoch": {p.hub.epoch}, "path": {"root/b"}},
		"no epoch":        {"path": {"root/a"}},
		"no path":         {"epoch": {p.hub.epoch}},
		"nothing":         {},
		"too much":        {"x": {strings.Repeat("x", maxForm)}, "epoch": {p.hub.epoch}, "path": {"root/a"}},
	} {
		w := post(p, "/api/node/"+id+"/restart", form)
		if w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "look at it again") {
			t.Errorf("%s: %d %q, want 409", name, w.Code, w.Body)
		}
	}
	if w := post(p, "/api/node/"+id+"/restart?path=root/a&epoch="+p.hub.epoch, nil); w.Code != http.StatusConflict {
		t.Errorf("%d: what a link can say counts", w.Code)
	}
	if len(f.calls) > 0 {
		t.Errorf("the tree was asked for %q", f.calls)
	}
}

// Each use of a button is logged, and what was done is in the list of events: with who
// asked, as far as is known.
func TestWhoActsIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeTree(supervisor("root", "a").Status())
		id := f.status.Services[0].Token.String()[1:]
		var log bytes.Buffer
		p := newTestPage(t, f, Options{
			Logger: slog.New(untimed(&log)),
			User:   func(r *http.Request) string { return r.Header.Get("X-User") },
			Allow: func(r *http.Request, _ Action, _ tend.ServiceStatus) error {
				if r.Header.Get("X-User") == "mallory" {
					return errors.New("no")
				}
				return nil
			},
		})
		push(p, id, Restart, "root/a", "X-User", "eve\n\u202e")
		push(p, id, Suspend, "root/a")
		push(p, id, Remove, "root/a", "X-User", "mallory")
		f.err = tend.ErrRemoved
		push(p, id, Remove, "root/a", "X-User", "eve")
		const from = "service=root/a id=%[1]s from=192.0.2.1:1234"
		want := fmt.Sprintf("level=INFO msg=\"restart requested\" "+from+" user=\"eve \ufffd\"\n"+
			"level=INFO msg=\"suspend requested\" "+from+"\n"+
			"level=WARN msg=\"remove refused\" "+from+" error=no user=mallory\n"+
			"level=WARN msg=\"remove failed\" "+from+" error=%[2]q user=eve\n", id, tend.ErrRemoved)
		if d := cmp.Diff(want, log.String()); d != "" {
			t.Error(d)
		}
		var told []string
		for e := range p.hub.journal.newest() {
			told = append(told, fmt.Sprintf("%s %s %q %d %s", e.Word, e.Path, e.Text, e.ID, e.Kind))
		}
		if d := cmp.Diff([]string{
			"suspend requested root/a \"by 192.0.2.1:1234\" " + id + " ",
			"restart requested root/a \"by eve \ufffd, 192.0.2.1:1234\" " + id + " ",
		}, told); d != "" {
			t.Error(d)
		}
		if body := request(p, "GET", "/api/node/"+id).Body.String(); !strings.Contains(body, `"w":"suspend requested"`) {
			t.Errorf("the service's own events lack it: %s", body)
		}
	})
}

// A use of a button that means a service which is another one, or has left, is logged as
// refused, with what the form calls it; and nobody is asked, nor is it in the list of events.
func TestAUseThatMeansNoServiceIsTold(t *testing.T) {
	f := newFakeTree(supervisor("root", "a").Status())
	id := f.status.Services[0].Token.String()[1:]
	var log bytes.Buffer
	p := newTestPage(t, f, Options{Logger: slog.New(untimed(&log)), Allow: func(*http.Request, Action, tend.ServiceStatus) error {
		t.Error("Allow was asked")
		return nil
	}})
	for _, c := range []struct {
		id, epoch, path string
		code            int
		service, why    string // in the log
	}{
		{id, "another", "root/a", 409, "root/a", fmt.Sprintf("observe: the epoch of service %s is %q, not \"another\"; look at it again", id, p.hub.epoch)},
		{id, "", "root/b", 409, "root/b", fmt.Sprintf("observe: the epoch of service %s is %q, not \"\"; look at it again", id, p.hub.epoch)},
		{id, p.hub.epoch, "root/b", 409, "root/a", fmt.Sprintf("observe: the path of service %s is \"root/a\", not \"root/b\"; look at it again", id)},
		{"18446744073709551615", p.hub.epoch, "root/b\u202e", 404, "\"root/b\ufffd\"", "observe: there is no service 18446744073709551615 (any more)"},
		{"0", p.hub.epoch, "root", 404, "root", "observe: there is no service 0 (any more)"},
	} {
		log.Reset()
		w := post(p, "/api/node/"+c.id+"/restart", url.Values{"epoch": {c.epoch}, "path": {c.path}})
		want := fmt.Sprintf("level=WARN msg=\"restart refused\" service=%s id=%s from=192.0.2.1:1234 error=%q\n", c.service, c.id, c.why)
		if w.Code != c.code || w.Body.String() != c.why+"\n" || log.String() != want {
			t.Errorf("%s %s: %d %q, and in the log %q, want %q", c.id, c.path, w.Code, w.Body, &log, want)
		}
	}
	if told := p.hub.journal.lines(0, 1); len(told) > 0 {
		t.Errorf("the list of events has %+v", told)
	}
}

// A pause ends when somebody who may says so: that of the root, and of a supervisor
// further below.
func TestResumeEndsAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root, db := supervisor("root"), supervisor("db")
		flaky := func() tend.Service {
			fails := 6
			return tend.Func("flaky", func(ctx context.Context) error {
				if fails--; fails >= 0 {
					return errors.New("boom")
				}
				<-ctx.Done()
				return nil
			})
		}
		nested := root.Add(db)
		own, below := root.Add(flaky()), db.Add(flaky())
		done := root.ServeBackground(t.Context())
		var seen []string
		p := newPage(root, Options{Logger: slog.New(slog.DiscardHandler), Allow: func(_ *http.Request, a Action, s tend.ServiceStatus) error {
			seen = append(seen, fmt.Sprintf("%s %s %d", a, s.Path, s.Token.ID()))
			if s.Path == "root" && len(seen) == 1 {
				return errors.New("not yet")
			}
			return nil
		}})
		id := func(token tend.ServiceToken) string { return token.String()[1:] }
		for _, c := range []struct {
			id, path string
			code     int
			states   []tend.State // of both, afterwards
		}{
			{"0", "root", http.StatusForbidden, []tend.State{tend.StateBackoff, tend.StateBackoff}},
			{"0", "root", http.StatusOK, []tend.State{tend.StateRunning, tend.StateBackoff}},
			{"0", "root", http.StatusConflict, []tend.State{tend.StateRunning, tend.StateBackoff}}, // it does not pause any more
			{id(below), "root/db/flaky", http.StatusConflict, []tend.State{tend.StateRunning, tend.StateBackoff}},
			{id(nested), "root/db", http.StatusOK, []tend.State{tend.StateRunning, tend.StateRunning}},
		} {
			time.Sleep(time.Second) // until the page looks again
			if w := push(p, c.id, Resume, c.path); w.Code != c.code {
				t.Errorf("%s: %d %q, want %d", c.path, w.Code, w.Body, c.code)
			}
			synctest.Wait()
			var states []tend.State
			for _, token := range []tend.ServiceToken{own, below} {
				s, err := root.ServiceStatus(token)
				if err != nil {
					t.Fatal(err)
				}
				states = append(states, s.State)
			}
			if d := cmp.Diff(c.states, states); d != "" {
				t.Errorf("after %s: %s", c.path, d)
			}
		}
		want := []string{"resume root 0", "resume root 0", "resume root 0", "resume root/db/flaky " + id(below), "resume root/db " + id(nested)}
		if d := cmp.Diff(want, seen); d != "" {
			t.Error(d)
		}
		p.Close()
		root.Stop()
		<-done
	})
}

// Who asks for an action that there is not gets to know which there are.
func TestAnUnknownActionIsToldTheOthers(t *testing.T) {
	f := newFakeTree(supervisor("root", "a").Status())
	p := newTestPage(t, f, Options{Allow: func(*http.Request, Action, tend.ServiceStatus) error { return nil }})
	w := push(p, f.status.Services[0].Token.String()[1:], "pause", "root/a")
	for _, a := range []Action{Restart, Suspend, Remove, Resume, "pause"} {
		if w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), string(a)) {
			t.Errorf("%d %q, without %s", w.Code, w.Body, a)
		}
	}
}

// Who begins a form and does not end it holds a request for ten seconds, and nobody is
// asked for anything.
func TestAFormHasTenSeconds(t *testing.T) {
	for name, form := range map[string]string{
		"half of it": "Content-Length: 9\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\nepoch",
		"all of it, and more to come": "Content-Length: 500\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n" +
			"--b\r\nContent-Disposition: form-data; name=\"epoch\"\r\n\r\nx\r\n--b--\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFakeTree(supervisor("root", "a").Status())
				p := newTestPage(t, f, Options{Allow: func(*http.Request, Action, tend.ServiceStatus) error {
					t.Error("Allow was asked")
					return nil
				}})
				here, there := net.Pipe()
				l := &oneConn{conn: there, closed: make(chan struct{})}
				server := &http.Server{Handler: p}
				done := make(chan struct{})
				go func() { defer close(done); _ = server.Serve(l) }()
				begun := time.Now()
				if _, err := fmt.Fprintf(here, "POST /api/node/%d/restart HTTP/1.1\r\nHost: localhost\r\n%s", f.status.Services[0].Token.ID(), form); err != nil {
					t.Fatal(err)
				}
				response, err := http.ReadResponse(bufio.NewReader(here), nil)
				if err != nil {
					t.Fatal(err)
				}
				if took := time.Since(begun); response.StatusCode != http.StatusConflict || took != 10*time.Second {
					t.Errorf("%s after %v", response.Status, took)
				}
				_ = response.Body.Close()
				_ = here.Close()
				_ = server.Close()
				<-done
				if len(f.calls) > 0 {
					t.Errorf("the tree was asked for %q", f.calls)
				}
			})
		})
	}
}

// Allow may take as long as it likes, and hears of a reader that leaves: also where
// something before the page has read the form, or all of the body.
func TestAllowMayTakeLongerThanAForm(t *testing.T) {
	for name, before := range map[string]func(r *http.Request){
		"nothing is read":  func(*http.Request) {},
		"the form is read": func(r *http.Request) { _ = r.PostFormValue("path") },
		"the body is read": func(r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(body))
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFakeTree(supervisor("root", "a").Status())
				p := newTestPage(t, f, Options{Logger: slog.New(slog.DiscardHandler), Allow: func(r *http.Request, _ Action, _ tend.ServiceStatus) error {
					select {
					case <-time.After(writeTimeout + time.Second):
						return nil
					case <-r.Context().Done():
						return r.Context().Err()
					}
				}})
				l, stop := serveOn(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					before(r)
					p.ServeHTTP(w, r)
				}), 0)
				defer stop()
				conn := l.dial()
				form := url.Values{"epoch": {p.hub.epoch}, "path": {"root/a"}}.Encode()
				if _, err := fmt.Fprintf(conn, "POST /api/node/%d/restart HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n"+
					"Content-Type: application/x-www-form-urlencoded\r\n\r\n%s", f.status.Services[0].Token.ID(), len(form), form); err != nil {
					t.Fatal(err)
				}
				response, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err != nil {
					t.Fatal(err)
				}
				if body, _ := io.ReadAll(response.Body); response.StatusCode != http.StatusOK {
					t.Errorf("%s %s", response.Status, body)
				}
				_ = conn.Close()
			})
		})
	}
}

// untimed writes records as text without their times.
func untimed(w io.Writer) slog.Handler {
	return slog.NewTextHandler(w, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
}

// oneConn is a listener with one connection.
type oneConn struct {
	conn   net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *oneConn) Accept() (net.Conn, error) {
	if c := l.conn; c != nil {
		l.conn = nil
		return c, nil
	}
	<-l.closed
	return nil, net.ErrClosed
}

func (l *oneConn) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *oneConn) Addr() net.Addr { return &net.UnixAddr{} }
