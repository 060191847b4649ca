package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend"
)

func TestCountsHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		get := func(method, path string) *httptest.ResponseRecorder {
			answer := httptest.NewRecorder()
			routes(s, http.NotFoundHandler()).ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), method, path, nil))
			return answer
		}
		began := time.Now()
		if answer := get("GET", "/counts"); answer.Code != http.StatusServiceUnavailable || time.Since(began) != time.Second {
			t.Errorf("without a store the answer is %d after %v, want 503 after a second", answer.Code, time.Since(began))
		}
		serveStore(t, s)
		if err := s.commit(t.Context(), result{number: 1, malformed: true, text: "?"}); err != nil {
			t.Fatal(err)
		}
		answer := get("GET", "/counts")
		const want = `{"lines":1,"malformed":1,"bytes":0,"status":{},"methods":{},"hours":{},"paths":{},"rejects":[{"line":1,"text":"?"}]}`
		var compact bytes.Buffer
		if err := json.Compact(&compact, answer.Body.Bytes()); err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSpace(compact.String()); answer.Code != 200 || got != want || answer.Header().Get("Content-Type") != "application/json" {
			t.Errorf("the answer is %d %v %s, want %s", answer.Code, answer.Header(), got, want)
		}
		if answer := get("POST", "/counts"); answer.Code != http.StatusMethodNotAllowed {
			t.Errorf("a POST is answered with %d", answer.Code)
		}
		if answer := get("GET", "/nothing"); answer.Code != http.StatusNotFound {
			t.Errorf("another path is answered with %d", answer.Code)
		}
	})
}

// newWeb starts w below a supervisor and returns it with the address.
func newWeb(t *testing.T, w *web) (root *tend.Supervisor, address string) {
	t.Helper()
	root = tend.NewSimple("root")
	root.Add(tend.Child{
		Service: w, Name: "http", ReadyTimeout: 10 * time.Second,
		Backoff: tend.Backoff{Min: time.Millisecond},
	})
	root.ServeBackground(t.Context())
	t.Cleanup(root.Stop)
	if err := root.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, attr := range root.Status().Services[0].Annotations {
		if attr.Key == "address" {
			address = attr.Value.String()
		}
	}
	return root, address
}

// A request that does not end cannot hold the stop up; one that does is answered.
func TestWebStops(t *testing.T) {
	quiet(t)
	asked, answer := make(chan struct{}), make(chan struct{})
	slow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-answer
		_, _ = io.WriteString(w, "in time")
	})
	root, address := newWeb(t, &web{address: "127.0.0.1:0", handler: always(slow), grace: time.Minute})
	request := dial(t, address, "GET / HTTP/1.0\r\n\r\n")
	<-asked
	stopped := make(chan struct{})
	go func() { root.Stop(); close(stopped) }()
	refused(address)
	close(answer)
	if body, err := io.ReadAll(request); err != nil || !strings.HasSuffix(string(body), "in time") {
		t.Errorf("the request that was running got %q, %v", body, err)
	}
	<-stopped

	root, address = newWeb(t, &web{address: "127.0.0.1:0", handler: always(slow), grace: time.Nanosecond})
	request = dial(t, address, "GET / HTTP/1.1\r\n") // and no more
	root.Stop()
	if rest, err := io.ReadAll(request); len(rest) > 0 {
		t.Errorf("half a request got %q, %v", rest, err)
	}
	if left := root.UnstoppedServices(); len(left) > 0 {
		t.Errorf("did not stop: %v", left)
	}
}

// When the port is taken, the service waits for it.
func TestWebWaitsForItsPort(t *testing.T) {
	quiet(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	root := tend.NewSimple("root")
	root.Add(tend.Child{
		Service: &web{address: taken.Addr().String(), handler: always(http.NotFoundHandler())},
		Name:    "http", ReadyTimeout: 10 * time.Second, Backoff: tend.Backoff{Min: time.Millisecond},
	})
	events := root.Events(t.Context())
	root.ServeBackground(t.Context())
	defer root.Stop()
	for e := range events {
		if failed, ok := e.(tend.ServiceFailed); ok {
			if !strings.Contains(failed.Err.Error(), "address already in use") {
				t.Errorf("failed with %v", failed.Err)
			}
			break
		}
	}
	taken.Close()
	if err := root.WaitReady(t.Context()); err != nil {
		t.Error(err)
	}
}

func always(h http.Handler) func(*http.Server) http.Handler {
	return func(*http.Server) http.Handler { return h }
}

// dial connects and sends text.
func dial(t *testing.T, address, text string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	return conn
}

// refused returns once nobody listens at address any more.
func refused(address string) {
	for {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return
		}
		conn.Close()
	}
}
