package observe

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tend-go/tend"
)

// fakeTree is a tree whose status and events a test makes up. Its tokens are of a
// real supervisor that is never served.
type fakeTree struct {
	mu     sync.Mutex
	status tend.Status
	asked  []time.Time // calls of Status
	takes  time.Duration
	events chan tend.Event
	calls  []string
	err    error // of the actions
}

func newFakeTree(s tend.Status) *fakeTree {
	return &fakeTree{status: s, events: make(chan tend.Event, 10_000)}
}

func (f *fakeTree) Status() tend.Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, time.Now())
	if f.takes > 0 {
		time.Sleep(f.takes)
	}
	s := f.status
	s.Time = time.Now()
	return s
}

// snapshots are the times at which Status was called.
func (f *fakeTree) snapshots() []time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.asked)
}

func (f *fakeTree) set(change func(s *tend.Status)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := clone(f.status)
	change(&s)
	f.status = s
}

func clone(s tend.Status) tend.Status {
	s.Services = append([]tend.ServiceStatus{}, s.Services...)
	for i := range s.Services {
		if sub := s.Services[i].Supervisor; sub != nil {
			c := clone(*sub)
			s.Services[i].Supervisor = &c
		}
	}
	return s
}

func (f *fakeTree) Events(ctx context.Context) iter.Seq[tend.Event] {
	return func(yield func(tend.Event) bool) {
		for {
			select {
			case e := <-f.events:
				if !yield(e) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

func (f *fakeTree) call(what string, t tend.ServiceToken) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, fmt.Sprintf("%s %d", what, t.ID()))
	return f.err
}

func (f *fakeTree) Restart(t tend.ServiceToken, cause error) error {
	return f.call(fmt.Sprintf("restart(%v)", cause), t)
}
func (f *fakeTree) Resume(after time.Duration) { _ = f.call("resume", tend.ServiceToken{}) }

func (f *fakeTree) Nested(t tend.ServiceToken) (*tend.Supervisor, error) {
	return nil, f.call("nested", t)
}

func (f *fakeTree) Suspend(t tend.ServiceToken) error { return f.call("suspend", t) }
func (f *fakeTree) Remove(t tend.ServiceToken) error  { return f.call("remove", t) }
func (f *fakeTree) Stacks(t tend.ServiceToken) (string, error) {
	return "stacks of " + t.String(), f.call("stacks", t)
}

// supervisor makes one with services of these names; a name that ends with "/"
// is a supervisor that the following ones up to "." are in.
func supervisor(name string, services ...string) *tend.Supervisor {
	s, _ := build(name, services)
	return s
}

func build(name string, services []string) (*tend.Supervisor, []string) {
	s := tend.New(name, tend.Spec{EventHook: func(tend.Event) {}})
	for len(services) > 0 {
		first := services[0]
		services = services[1:]
		switch sub, ok := strings.CutSuffix(first, "/"); {
		case first == ".":
			return s, services
		case ok:
			var nested *tend.Supervisor
			nested, services = build(sub, services)
			s.Add(nested)
		default:
			s.Add(idle(first))
		}
	}
	return s, nil
}

func idle(name string) tend.Service {
	return tend.Func(name, func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	})
}

// large is the status of n services in groups of a hundred as they are after a
// month, of which one in a hundred does not run.
func large(n int) tend.Status {
	random := rand.New(rand.NewPCG(1, 2))
	root := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
	var group *tend.Supervisor
	for i := range n {
		if i%100 == 0 {
			group = tend.New(fmt.Sprintf("group-%03d", i/100), tend.Spec{})
			root.Add(group)
		}
		group.Add(idle(fmt.Sprintf("game-%05d", i)))
	}
	s := root.Status()
	start := s.Time.Add(-30 * 24 * time.Hour)
	errs := []string{"read tcp 10.0.0.7:443: connection reset by peer", "exit status 2", "context deadline exceeded"}
	for g := range s.Services {
		s.Services[g].State, s.Services[g].Since = tend.StateRunning, start
		sub := s.Services[g].Supervisor
		sub.Serving, sub.Started, sub.Count = true, true, random.Float64()*5
		for i := range sub.Services {
			c := &sub.Services[i]
			c.State, c.Since = tend.StateRunning, start.Add(time.Duration(random.Int64N(int64(30*24*time.Hour))))
			if random.IntN(4) == 0 {
				c.Restarts = uint64(random.IntN(5) + 1)
				c.Failed = c.Restarts
				c.Failures = []tend.Failure{{Time: c.Since, Incarnation: 1, Err: tend.Reason{Text: errs[random.IntN(len(errs))]}}}
			}
			if random.IntN(100) == 0 {
				c.State, c.WaitingUntil = tend.StateBackoff, s.Time.Add(time.Duration(random.IntN(60_000))*time.Millisecond)
			}
		}
	}
	s.Serving, s.Started, s.Since = true, true, start
	return s
}

// newTestPage is a page that is closed at the end of the test.
func newTestPage(t testing.TB, tr tree, o Options) *Page {
	t.Helper()
	p := newPage(tr, o)
	t.Cleanup(p.Close)
	return p
}

// request asks h for something under the name localhost.
func request(h http.Handler, method, target string, header ...string) *httptest.ResponseRecorder {
	return serveRequest(h, httptest.NewRequest(method, target, nil), header...)
}

func serveRequest(h http.Handler, r *http.Request, header ...string) *httptest.ResponseRecorder {
	r.Host = "localhost:8080"
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// push asks p for an action as the page does: with the epoch and a path.
func push(p *Page, id string, a Action, path string, header ...string) *httptest.ResponseRecorder {
	return post(p, "/api/node/"+id+"/"+string(a), url.Values{"epoch": {p.hub.epoch}, "path": {path}}, header...)
}

func post(h http.Handler, target string, form url.Values, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", target, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return serveRequest(h, r, header...)
}

// ask is a request for something under the name localhost, and where its answer goes.
func ask(ctx context.Context, method, target string) (*http.Request, *httptest.ResponseRecorder) {
	r := httptest.NewRequestWithContext(ctx, method, target, nil)
	r.Host = "localhost:8080"
	return r, httptest.NewRecorder()
}

// pipes is a listener of connections in memory, which synctest understands and
// where a write blocks until somebody reads.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (p *pipes) dial() net.Conn {
	client, server := net.Pipe()
	p.conns <- server
	return client
}

// message is one server-sent event.
type message struct {
	kind, id string
	data     string
	comments int
	at       time.Time
}

// change is what the data says.
func (m message) change(t *testing.T) (c change) {
	t.Helper()
	if err := json.Unmarshal([]byte(m.data), &c); err != nil {
		t.Fatalf("%q: %v", m.data, err)
	}
	return c
}

// reader reads a stream from a connection of its own.
type reader struct {
	conn net.Conn
	in   *bufio.Reader
	body *bufio.Reader
}

// openStream asks for a stream; since is an id or empty.
func openStream(t *testing.T, l *pipes, since string) *reader {
	t.Helper()
	r := &reader{conn: l.dial()}
	go fmt.Fprintf(r.conn, "GET /api/events HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: %s\r\n\r\n", since)
	r.in = bufio.NewReader(r.conn)
	answer, err := http.ReadResponse(r.in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("status %d", answer.StatusCode)
	}
	r.body = bufio.NewReader(answer.Body)
	return r
}

// next reads one message; false at the end of the stream.
func (r *reader) next() (m message, ok bool) {
	for {
		line, err := r.body.ReadString('\n')
		if err != nil {
			return m, false
		}
		field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch field {
		case "event":
			m.kind = value
		case "id":
			m.id = value
		case "data":
			m.data = value
		case "":
			if strings.HasPrefix(line, ":") {
				m.comments++
				continue
			}
			if m.data == "" { // only a retry time
				m = message{}
				continue
			}
			m.at = time.Now()
			return m, true
		}
	}
}

// all reads until the stream ends.
func (r *reader) all() (ms []message) {
	for {
		m, ok := r.next()
		if !ok {
			return ms
		}
		ms = append(ms, m)
	}
}

// serveOn serves h on connections in memory until the test ends it.
func serveOn(h http.Handler, writeTimeout time.Duration) (*pipes, func()) {
	l := newPipes()
	server := &http.Server{Handler: h, WriteTimeout: writeTimeout, ErrorLog: nil}
	go func() { _ = server.Serve(l) }()
	return l, func() { _ = server.Close() }
}
