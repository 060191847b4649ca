package health_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend/health"
)

// server answers by path; Config.ErrorLog is silent.
func server(t testing.TB, handler http.HandlerFunc) *httptest.Server {
	s := httptest.NewUnstartedServer(handler)
	s.Config.ErrorLog = stdlog.New(io.Discard, "", 0)
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// And says what went wrong.
func TestHTTPTellsSuccessFromFailure(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1") // no proxy from the environment
	var hosts []string
	s := server(t, func(w http.ResponseWriter, r *http.Request) {
		hosts = append(hosts, r.Host+" "+r.Header.Get("X-A")+" "+r.UserAgent())
		switch r.URL.Path {
		case "/ok":
		case "/created":
			w.WriteHeader(http.StatusCreated)
		case "/moved":
			http.Redirect(w, r, "/ok?"+r.URL.RawQuery, http.StatusFound)
		case "/logged-in":
			http.Redirect(w, r, "/ok#token=s", http.StatusFound)
		case "/nowhere":
			w.Header().Set("Location", "http://u:s@%zz?token=s")
			w.WriteHeader(http.StatusFound)
			_, _ = io.WriteString(w, "http://u:s@%zz?token=s")
		case "/sick":
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, "no \x1b[31mdatabase\nstack\nof it")
		case "/endless":
			w.WriteHeader(http.StatusInternalServerError)
			for {
				if _, err := io.WriteString(w, strings.Repeat("x", 4096)); err != nil {
					return
				}
			}
		}
	})
	const hidden = "tend/health: HTTP check: the url does not parse; it is not shown, as it may hold a password or token"
	for _, c := range []struct {
		check health.Check
		want  string
	}{
		{health.HTTP(s.URL + "/ok"), ""},
		{health.HTTP(s.URL + "/created"), ""},
		{health.HTTP(s.URL + "/moved"), `HTTP status 302 Found to /ok`},
		{health.HTTP(s.URL + "/moved?token=s"), `HTTP status 302 Found to /ok`},
		{health.HTTP(s.URL + "/logged-in"), `HTTP status 302 Found to /ok`},
		{health.HTTP(s.URL + "/nowhere"), `HTTP status 302 Found: to a Location that does not parse`},
		{health.HTTP(s.URL+"/nowhere", health.Client(s.Client())), `HTTP status 302 Found: to a Location that does not parse`},
		{health.HTTP(s.URL+"/nowhere", health.Client(&http.Client{})), `HTTP status 302 Found: to a Location that does not parse`},
		{health.HTTP(s.URL+"/nowhere", health.StatusBetween(300, 399)), ""},
		{health.HTTP(s.URL+"/moved", health.Client(s.Client())), ""}, // its way
		{health.HTTP(s.URL + "/sick"), "HTTP status 503 Service Unavailable: no \ufffd[31mdatabase"},
		{health.HTTP(s.URL+"/sick", health.StatusBetween(500, 599)), ""},
		{health.HTTP(s.URL+"/ok", health.StatusBetween(204, 204)), "HTTP status 200 OK"},
		{health.HTTP(s.URL + "/endless"), "HTTP status 500 Internal Server Error: " + strings.Repeat("x", 512)},
		{health.HTTP(s.URL+"/ok", health.Header("Host", "example.org"), health.Header("X-A", "b")), ""},
		{health.HTTP("http://[::1"), `tend/health: HTTP check: parse "http://[::1": missing ']' in host`},
		{health.HTTP("ftp://example.org"), `tend/health: HTTP check: url "ftp://example.org" is neither http nor https`},
		{health.HTTP("http://:80/"), `tend/health: HTTP check: url "http://:80/" has no host`},
		{health.HTTP("http://u:password@[::1"), hidden},
		{health.HTTP("http://u:pass/word@example.org"), hidden},
		{health.HTTP("http://u:pass#word@example.org"), hidden},
		{health.HTTP("http://u:pass?word@example.org"), hidden},
		{health.HTTP("http://[::1?token=s"), hidden},
		{health.HTTP("http://[::1#token=s"), hidden},
		{health.HTTP("ftp://u:password@example.org/?token=s"), `tend/health: HTTP check: url "ftp://u:xxxxx@example.org/" is neither http nor https`},
		{health.HTTP("http:///?token=s"), `tend/health: HTTP check: url "http:///" has no host`},
		{health.HTTP("http://u:password@127.0.0.1:1/a?token=s"), `Get "http://u:xxxxx@127.0.0.1:1/a": dial tcp 127.0.0.1:1: connect: connection refused`},
		{health.HTTP(s.URL, health.Client(nil)), `tend/health: HTTP check: the client is nil`},
		{health.HTTP(s.URL, health.StatusBetween(3, 2)), `tend/health: HTTP check: no status is between 3 and 2`},
	} {
		got := ""
		if err := c.check(t.Context()); err != nil {
			got = err.Error()
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
	if last := hosts[len(hosts)-1]; last != "example.org b tend-health" {
		t.Errorf("the last request was for %q", last)
	}
	var status *health.StatusError
	if err := health.HTTP(s.URL + "/sick")(t.Context()); !errors.As(err, &status) || status.Code != 503 {
		t.Errorf("got %#v", err)
	}
}

// Headers that do not come, TLS that nobody trusts, a server that is not there.
func TestHTTPSaysWhyThereIsNoAnswer(t *testing.T) {
	release := make(chan struct{})
	s := server(t, func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- health.HTTP(s.URL)(ctx) }()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("slow headers: %v", err)
	}
	secret := httptest.NewUnstartedServer(http.NotFoundHandler())
	secret.Config.ErrorLog = stdlog.New(io.Discard, "", 0)
	secret.StartTLS()
	defer secret.Close()
	var unknown *tls.CertificateVerificationError
	if err := health.HTTP(secret.URL)(t.Context()); !errors.As(err, &unknown) || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("TLS: %v", err)
	}
	secret.Close()
	if err := health.HTTP(secret.URL)(t.Context()); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("nobody there: %v", err)
	}
}

// Above all no connection in TIME_WAIT.
func TestEachHTTPCheckConnectsAnewAndLeavesNothing(t *testing.T) {
	var connections atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	prober := newProber(t, health.Config{})
	const n = 300
	for i := range n {
		add(t, prober, health.Probe{Name: fmt.Sprint(i), Check: health.HTTP(s.URL)})
	}
	if err := prober.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := prober.Snapshot(health.Readiness).Status; got != health.GradePass {
		t.Error(got)
	}
	if got := connections.Load(); got != n {
		t.Errorf("%d connections for %d checks", got, n)
	}
	waiting := timeWaits(t, s.Listener.Addr().(*net.TCPAddr).Port)
	if waiting > n/10 { // the server may have been the first to close some
		t.Errorf("%d of %d connections are in TIME_WAIT", waiting, n)
	}
}

// timeWaits counts the IPv4 sockets in TIME_WAIT with that port at either end.
func timeWaits(t *testing.T, port int) (n int) {
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Skip("no table of sockets here")
	}
	for line := range strings.Lines(string(table)) {
		f := strings.Fields(line)
		if len(f) > 3 && f[3] == "06" && strings.Contains(f[1]+f[2], fmt.Sprintf(":%04X", port)) {
			n++
		}
	}
	return n
}

// If there is IPv6.
func TestHTTPAndTCPTakeIPv6Literals(t *testing.T) {
	listener, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6 here")
	}
	s := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), ReadHeaderTimeout: time.Minute}
	done := make(chan error, 1)
	go func() { done <- s.Serve(listener) }()
	defer func() {
		_ = s.Close()
		<-done
	}()
	addr := listener.Addr().String()
	for _, check := range []health.Check{health.HTTP("http://" + addr), health.TCP(addr)} {
		if err := check(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestTCP(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	if err := health.TCP(addr)(t.Context()); err != nil {
		t.Error(err)
	}
	_ = listener.Close()
	for addr, want := range map[string]string{
		addr:        "refused",
		"localhost": "tend/health: TCP check: address localhost: missing port in address",
		":80":       `tend/health: TCP check: address ":80" lacks a host or port`,
		"host:":     `tend/health: TCP check: address "host:" lacks a host or port`,
	} {
		if err := health.TCP(addr)(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", addr, err)
		}
	}
}

// carrier is a RoundTripper.
type carrier func(*http.Request) (*http.Response, error)

func (f carrier) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// TestAClientIsUsedAsItIs when the check is made, whatever its transport does.
func TestAClientIsUsedAsItIs(t *testing.T) {
	client := &http.Client{}
	check := health.HTTP("http://example.org/", health.Client(client))
	for _, c := range []struct {
		answer *http.Response
		want   string
	}{
		{nil, "nil *Response"},
		{&http.Response{StatusCode: http.StatusFound, Header: http.Header{"Location": {"http://u:s@%zz"}}}, "HTTP status 302 Found: to a Location that does not parse"},
		{&http.Response{StatusCode: http.StatusOK, Header: http.Header{}}, ""},
	} {
		client.Transport = carrier(func(*http.Request) (*http.Response, error) { return c.answer, nil })
		err := check(t.Context())
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}
