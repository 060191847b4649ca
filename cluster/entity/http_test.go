package entity_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend/cluster"
	"github.com/tend-go/tend/cluster/entity"
)

// serveHTTP is the member whose requests receive answers.
func serveHTTP(t *testing.T, h *entity.HTTP, receive func(ctx context.Context, q entity.Request) entity.Reply) cluster.Member {
	h.Listen("counts", receive)
	mux := http.NewServeMux()
	mux.Handle(entity.Path, h)
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return cluster.Member{Name: "a", Addr: s.Listener.Addr().String()}
}

var question = entity.Request{Role: "counts", Key: "a&b=c/ü\x00 d", Body: []byte{0, 1, 255}}

// A reply is at one end what it was at the other, whatever its status; and so is the request.
func TestHTTPCarries(t *testing.T) {
	owner := cluster.Claim{Role: "counts", Token: 57, Owner: cluster.Member{Name: "b", Addr: "10.0.0.2:80"}}
	for _, reply := range []entity.Reply{
		{Status: entity.StatusDone, Body: []byte{1, 2}},
		{Status: entity.StatusDone},
		{Status: entity.StatusNotOwner, Claim: owner},
		{Status: entity.StatusNotOwner, Claim: cluster.Claim{Role: "counts"}},
		{Status: entity.StatusFailed, Text: "no luck\nat all"},
		{Status: entity.StatusGone, Text: "gone"},
		{Status: entity.StatusTooMany, Text: "many"},
		{Status: entity.StatusTimeout, Text: "late"},
		{Status: entity.StatusUnreadable, Text: "what?"},
	} {
		h := &entity.HTTP{}
		var got entity.Request
		to := serveHTTP(t, h, func(_ context.Context, q entity.Request) entity.Reply { got = q; return reply })
		back, err := h.Send(t.Context(), to, question)
		if err != nil || back.Status != reply.Status || string(back.Body) != string(reply.Body) || back.Text != reply.Text ||
			back.Claim.Token != reply.Claim.Token || back.Claim.Owner.Addr != reply.Claim.Owner.Addr || back.Claim.Owner.Name != reply.Claim.Owner.Name {
			t.Errorf("%+v came back as %+v, %v", reply, back, err)
		}
		if got.Role != question.Role || got.Key != question.Key || string(got.Body) != string(question.Body) {
			t.Errorf("%+v came as %+v", question, got)
		}
	}
}

// The other end knows until when there is an asker, and that he has gone.
func TestHTTPCarriesTheDeadline(t *testing.T) {
	h := &entity.HTTP{}
	began := make(chan bool)
	to := serveHTTP(t, h, func(ctx context.Context, _ entity.Request) entity.Reply {
		_, timed := ctx.Deadline()
		began <- timed
		<-ctx.Done()
		began <- true
		return entity.Reply{Status: entity.StatusTimeout}
	})
	timed, cancel := context.WithTimeout(t.Context(), time.Hour)
	for _, ctx := range []context.Context{timed, t.Context()} {
		ctx, quit := context.WithCancelCause(ctx)
		cause := errors.New("enough")
		failed := make(chan error)
		go func() {
			_, err := h.Send(ctx, to, question)
			failed <- err
		}()
		if _, want := ctx.Deadline(); <-began != want {
			t.Errorf("timed: %v", !want)
		}
		quit(cause)
		<-began
		if err := <-failed; !errors.Is(err, cause) {
			t.Error(err)
		}
	}
	cancel()
}

// Who is not reached has done nothing. Who is, and answers nothing, may have.
func TestHTTPNotReached(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	h := &entity.HTTP{}
	r, err := h.Send(t.Context(), cluster.Member{Addr: l.Addr().String()}, question)
	if err != nil || r.Status != entity.StatusNotOwner {
		t.Error(r, err)
	}
	to := serveHTTP(t, h, func(context.Context, entity.Request) entity.Reply { panic(http.ErrAbortHandler) })
	if r, err := h.Send(t.Context(), to, question); err == nil {
		t.Error(r)
	}
	r, err = h.Send(t.Context(), to, entity.Request{Role: "others"})
	if err != nil || r.Status != entity.StatusNotOwner {
		t.Error(r, err)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A program may have wrapped what all of it uses, to trace that.
func TestHTTPDoesWithoutTheDefaultTransport(t *testing.T) {
	was := http.DefaultTransport
	defer func() { http.DefaultTransport = was }()
	http.DefaultTransport = roundTripper(was.RoundTrip)
	h := &entity.HTTP{Client: entity.NewClient()}
	to := serveHTTP(t, h, func(context.Context, entity.Request) entity.Reply { return entity.Reply{Status: entity.StatusGone} })
	if r, err := h.Send(t.Context(), to, question); err != nil || r.Status != entity.StatusGone {
		t.Error(r, err)
	}
}

// Only what failed in dialling, and not as the asker has gone, has done nothing.
func TestHTTPTellsDialling(t *testing.T) {
	for _, tt := range []struct {
		op, want string
		gone     bool
	}{
		{"dial", "", false},
		{"dial", "enough", true},
		{"read", "read tcp: reset", false},
		{"", "deadline", false},
	} {
		ctx, quit := context.WithCancelCause(t.Context())
		h := &entity.HTTP{Client: &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
			if tt.gone {
				quit(errors.New("enough"))
			}
			if tt.op == "" { // one that says nothing of connections
				return nil, context.DeadlineExceeded
			}
			return nil, &net.OpError{Op: tt.op, Net: "tcp", Err: errors.New("reset")}
		})}}
		r, err := h.Send(ctx, cluster.Member{Addr: "a"}, question)
		if tt.want == "" && (err != nil || r.Status != entity.StatusNotOwner) || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%+v: %+v, %v", tt, r, err)
		}
		quit(nil)
	}
}

// A time of the client's own may be over before there is a connection, on which nobody has
// got anything then; or after that, even on one that an earlier request has left.
func TestHTTPTellsDiallingThatTakesTooLong(t *testing.T) {
	for _, tt := range []struct {
		name    string
		answers int // that come, and then none
		dials   bool
		want    entity.Status
	}{
		{"no connection", 0, false, entity.StatusNotOwner},
		{"no answer", 0, true, 0},
		{"no answer but the first", 1, true, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			here, there := net.Pipe()
			over := make(chan struct{})
			transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
				if !tt.dials {
					<-over
					return nil, net.ErrClosed
				}
				return here, nil
			}}
			go answers(there, tt.answers)
			h := &entity.HTTP{Client: &http.Client{Timeout: time.Second, Transport: transport}}
			for range tt.answers {
				if r, err := h.Send(t.Context(), cluster.Member{Addr: "a"}, question); err != nil || r.Status != entity.StatusGone {
					t.Errorf("%s: %+v, %v", tt.name, r, err)
				}
			}
			r, err := h.Send(t.Context(), cluster.Member{Addr: "a"}, question)
			if r.Status != tt.want || (err == nil) != (tt.want != 0) {
				t.Errorf("%s: %+v, %v", tt.name, r, err)
			}
			close(over)
			_ = there.Close()
		})
	}
}

// answers reads requests until the connection ends, and answers so many.
func answers(conn net.Conn, n int) {
	r := bufio.NewReader(conn)
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, req.Body)
		if n--; n >= 0 {
			_, _ = io.WriteString(conn, "HTTP/1.1 410 Gone\r\nTend-Entity: 1\r\nContent-Length: 0\r\n\r\n")
		}
	}
}

// What is too large, or comes from something else, is an error.
func TestHTTPRefuses(t *testing.T) {
	h := &entity.HTTP{MaxBytes: 4, Client: http.DefaultClient}
	var body string
	to := serveHTTP(t, h, func(context.Context, entity.Request) entity.Reply {
		return entity.Reply{Status: entity.StatusDone, Body: []byte(body)}
	})
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	odd := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Tend-Entity", "1")
		w.WriteHeader(http.StatusTeapot)
	}))
	defer odd.Close()
	for _, tt := range []struct{ name, send, answer, url, want string }{
		{"all is well", "1234", "1234", "", ""},
		{"a large answer", "1234", "12345", "", "has more than 4 bytes"},
		{"somebody else", "1234", "1234", other.URL, "answered 404 Not Found, which is not of entities"},
		{"an unknown status", "1234", "1234", odd.URL, "answered 418"},
		{"a bad URL", "1234", "1234", "http://a b", "invalid"},
	} {
		body, h.URL = tt.answer, nil
		if tt.url != "" {
			h.URL = func(cluster.Member) string { return tt.url }
		}
		_, err := h.Send(t.Context(), to, entity.Request{Role: "counts", Body: []byte(tt.send)})
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	h.URL = nil
	if r, err := h.Send(t.Context(), to, entity.Request{Role: "counts", Body: []byte("12345")}); err != nil || r.Status != entity.StatusUnreadable || !strings.Contains(r.Text, "too large") {
		t.Error(r, err)
	}
	res, err := http.Get("http://" + to.Addr + entity.Path) //nolint:noctx // a test
	if err != nil || res.StatusCode != http.StatusMethodNotAllowed || res.Header.Get("Allow") != "POST" {
		t.Error(res, err)
	}
	_ = res.Body.Close()
}

// The largest of all limits is none.
func TestHTTPHasNoLimitThatIsTooLarge(t *testing.T) {
	h := &entity.HTTP{MaxBytes: math.MaxInt64}
	to := serveHTTP(t, h, func(_ context.Context, q entity.Request) entity.Reply {
		return entity.Reply{Status: entity.StatusDone, Body: q.Body}
	})
	r, err := h.Send(t.Context(), to, question)
	if err != nil || string(r.Body) != string(question.Body) {
		t.Errorf("%+v, %v", r, err)
	}
}

// What any browser can be made to send reaches nobody.
func TestHTTPTakesNoForms(t *testing.T) {
	h := &entity.HTTP{}
	to := serveHTTP(t, h, func(_ context.Context, q entity.Request) entity.Reply {
		t.Errorf("%+v", q)
		return entity.Reply{Status: entity.StatusDone}
	})
	for _, version := range []string{"", "2"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+to.Addr+entity.Path+"?role=counts&key=k", strings.NewReader(`"add"`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "text/plain")
		req.Header.Set("Tend-Entity", version)
		res, err := http.DefaultClient.Do(req)
		if err != nil || res.StatusCode != http.StatusForbidden || res.Header.Get("Tend-Entity") != "" {
			t.Errorf("version %q: %v, %v", version, res, err)
		}
		_ = res.Body.Close()
	}
}

// An owner that is no answer of ours is nobody.
func TestHTTPOwnerThatMakesNoSense(t *testing.T) {
	for _, header := range []string{"", "a", "a 1", "a b c", "a -1 c", "a 0 c", "a 99999999999999999999 c"} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Tend-Entity", "1")
			w.Header().Set("Tend-Owner", header)
			w.WriteHeader(http.StatusMisdirectedRequest)
		}))
		h := &entity.HTTP{URL: func(cluster.Member) string { return s.URL }}
		r, err := h.Send(t.Context(), cluster.Member{}, question)
		if err != nil || r.Status != entity.StatusNotOwner || r.Claim.Token != 0 || r.Claim.Owner.Addr != "" {
			t.Errorf("%q: %+v, %v", header, r, err)
		}
		s.Close()
	}
}

// What URL has for a query goes along with what is asked.
func TestHTTPWithAQueryOfItsOwn(t *testing.T) {
	var asked url.Values
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.Query()
		w.WriteHeader(http.StatusTeapot)
	}))
	defer s.Close()
	for _, query := range []string{"", "?tenant=1", "?tenant=1&role=other"} {
		h := &entity.HTTP{URL: func(cluster.Member) string { return s.URL + "/entity" + query }}
		_, _ = h.Send(t.Context(), cluster.Member{}, question)
		want := url.Values{"role": {question.Role}, "key": {question.Key}}
		if query != "" {
			want.Set("tenant", "1")
		}
		if diff := cmp.Diff(want, asked); diff != "" {
			t.Errorf("%q, -want +got:\n%s", query, diff)
		}
	}
}
