package main

import (
	"bufio"
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

// Whoever looks at the page does not hold the stop up: the run ends well, rather
// than by cutting the stream off.
func TestWebStops(t *testing.T) {
	quiet(t)
	ended := make(chan tend.ServiceEnded, 1)
	root := tend.New("root", tend.Spec{EventHook: func(e tend.Event) {
		if e, ok := e.(tend.ServiceEnded); ok {
			ended <- e
		}
	}})
	root.Add(newWeb(at("127.0.0.1:0"), newStore(), root))
	root.ServeBackground(t.Context())
	if err := root.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	address := root.Status().Services[0].Annotations[0].Value.String()
	stream := dial(t, address, "GET /api/events HTTP/1.0\r\nHost: localhost\r\n\r\n")
	if status, err := bufio.NewReader(stream).ReadString('\n'); !strings.Contains(status, "200") {
		t.Fatalf("the answer is %q, %v", status, err)
	}
	root.Stop()
	if e := <-ended; !e.Err.IsZero() {
		t.Errorf("it ended with %v", e.Err)
	}
}

// When the port is taken, the service waits for it.
func TestWebWaitsForItsPort(t *testing.T) {
	quiet(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	root := tend.New("root", tend.Spec{})
	web := newWeb(at(taken.Addr().String()), newStore(), root)
	web.Backoff = tend.Backoff{Min: time.Millisecond}
	root.Add(web)
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
