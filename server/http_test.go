package server

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
)

// serve runs a server for HTTP on a free port in a tree, until the result is
// called, which returns what it ended with.
func serve(t *testing.T, srv *http.Server, drain time.Duration) (addr string, root *tend.Supervisor, stop func() error) {
	t.Helper()
	var ended error
	root = tend.New("root", tend.Spec{EventHook: func(e tend.Event) {
		if e, ok := e.(tend.ServiceEnded); ok {
			ended = e.Err.Err
		}
	}})
	ctx, cancel := context.WithCancel(t.Context())
	result := root.ServeBackground(ctx)
	stop = func() error {
		cancel()
		<-result
		return ended
	}
	child := Config{Addr: "127.0.0.1:0", New: CopiesOf(srv), Drain: drain}.Child()
	if _, err := root.Start(ctx, child); err != nil {
		t.Fatal(err)
	}
	return address(t, root), root, stop
}

func address(t *testing.T, root *tend.Supervisor) string {
	t.Helper()
	for _, a := range root.Status().Services[0].Annotations {
		if a.Key == "address" {
			return a.Value.String()
		}
	}
	t.Fatal("there is no address")
	return ""
}

func fetch(t *testing.T, c *http.Client, url string) string {
	t.Helper()
	r, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func newClient(t *testing.T) *http.Client {
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

type ctxKey struct{}

// It serves, with the values of the service's context and without its end; it can
// be started again; its own hooks run at each stop.
func TestHTTPServes(t *testing.T) {
	hooks := make(chan struct{}, 2)
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		self, ok := tend.Self(r.Context())
		fmt.Fprint(w, self.Name, " ", ok, " ", r.Context().Err())
	})}
	srv.RegisterOnShutdown(func() { hooks <- struct{}{} })
	addr, root, stop := serve(t, srv, 0)
	c := newClient(t)
	if got, want := fetch(t, c, "http://"+addr), "server@127.0.0.1:0 true <nil>"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	events := root.Events(t.Context())
	if err := root.Restart(root.Status().Services[0].Token, nil); err != nil {
		t.Fatal(err)
	}
	for e := range events {
		if _, ok := e.(tend.ServiceReady); ok {
			break
		}
	}
	<-hooks
	fetch(t, c, "http://"+address(t, root))
	if err := stop(); err != nil {
		t.Error(err)
	}
	<-hooks
}

// A request under way comes to its end, and no other is taken meanwhile.
func TestHTTPDrains(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	addr, _, stop := serve(t, &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-release
		fmt.Fprint(w, "done ", r.Context().Err())
	})}, time.Hour)
	body, stopped := make(chan string), make(chan error)
	c := newClient(t)
	go func() { body <- fetch(t, c, "http://"+addr) }()
	<-entered
	go func() { stopped <- stop() }()
	for { // until nobody listens
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			break
		}
		conn.Close()
	}
	close(release)
	if got := <-body; got != "done <nil>" {
		t.Errorf("got %q", got)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// A request that takes longer than Drain is cut off: its context ends, and the run
// has ended when its handler has returned.
func TestHTTPCutsOff(t *testing.T) {
	entered, returned := make(chan struct{}), make(chan struct{})
	addr, root, stop := serve(t, &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
		close(returned)
	})}, time.Millisecond)
	go func() {
		if r, err := newClient(t).Get("http://" + addr); err == nil {
			r.Body.Close()
			t.Error("it got an answer")
		}
	}()
	<-entered
	if err := stop(); err == nil || err.Error() != "tend/server: work under way was cut off after 1ms" {
		t.Errorf("it ended with %v", err)
	}
	select {
	case <-returned:
	default:
		t.Error("the run ended before its handler")
	}
	if u := root.UnstoppedServices(); len(u) > 0 {
		t.Errorf("stuck: %v", u)
	}
}

// Half a request is not waited for longer than a whole one.
func TestHTTPHalfARequest(t *testing.T) {
	addr, root, stop := serve(t, &http.Server{Handler: http.NotFoundHandler()}, time.Millisecond)
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET / HTTP/1.1\r\n") // and no more
	fetch(t, newClient(t), "http://"+addr) // accepted later, so the other one is, too
	_ = stop()                             // on a machine that stalls for seconds it has been given up on before
	if rest, err := io.ReadAll(conn); len(rest) > 0 {
		t.Errorf("half a request got %q, %v", rest, err)
	}
	if u := root.UnstoppedServices(); len(u) > 0 {
		t.Errorf("stuck: %v", u)
	}
}

// A hijacked connection, of which http.Server knows nothing any more, is told too.
func TestHTTPHijacked(t *testing.T) {
	entered := make(chan struct{})
	addr, _, stop := serve(t, &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		close(entered)
		<-r.Context().Done()
		fmt.Fprint(conn, "bye\n")
	})}, time.Hour)
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	<-entered
	if err := stop(); err != nil {
		t.Error(err)
	}
	if line, err := bufio.NewReader(conn).ReadString('\n'); line != "bye\n" {
		t.Errorf("got %q, %v", line, err)
	}
}

// A handler that never returns is what the service is reported to hang in.
func TestHTTPHandlerHangs(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	root := tend.New("root", quiet())
	child := Config{Addr: "127.0.0.1:0", Drain: time.Millisecond, New: CopiesOf(&http.Server{
		Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			close(entered)
			hangInHandler(release)
		}),
	})}.Child()
	child.Timeout = 20 * time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	result := root.ServeBackground(ctx)
	if _, err := root.Start(ctx, child); err != nil {
		t.Fatal(err)
	}
	go func() {
		if r, err := newClient(t).Get("http://" + address(t, root)); err == nil {
			r.Body.Close()
		}
	}()
	<-entered
	cancel()
	<-result
	u := root.UnstoppedServices()
	if len(u) != 1 || !strings.Contains(u[0].Stacks, "server.hangInHandler") {
		t.Errorf("unstopped: %v", u)
	}
}

//go:noinline
func hangInHandler(release chan struct{}) { <-release }

func TestHTTPWithTLS(t *testing.T) {
	like := httptest.NewUnstartedServer(nil) // it has a certificate
	like.StartTLS()
	defer like.Close()
	config := &tls.Config{Certificates: like.TLS.Certificates}
	addr, _, stop := serve(t, &http.Server{TLSConfig: config, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Proto, " ", r.TLS != nil)
	})}, 0)
	if got, want := fetch(t, newClient(t), "https://"+addr), "HTTP/2.0 true"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if len(config.NextProtos) > 0 {
		t.Errorf("the TLSConfig has been changed: %v", config.NextProtos)
	}
}

func TestHTTPBaseContext(t *testing.T) {
	srv := &http.Server{
		BaseContext: func(net.Listener) context.Context { return context.WithValue(context.Background(), ctxKey{}, "base") }, //nolint:usetesting // as a program would
		Handler:     http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Context().Value(ctxKey{})) }),
	}
	addr, _, stop := serve(t, srv, 0)
	if got := fetch(t, newClient(t), "http://"+addr); got != "base" {
		t.Errorf("got %q", got)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// Every exported field of an http.Server is a setting that a copy needs.
func TestCopyOf(t *testing.T) {
	like := &http.Server{Addr: ":1", ReadTimeout: 1, ReadHeaderTimeout: 2, WriteTimeout: 3, IdleTimeout: 4, MaxHeaderBytes: 5, DisableGeneralOptionsHandler: true}
	from, to := reflect.ValueOf(like).Elem(), reflect.ValueOf(copyOf(like)).Elem()
	for i := range from.NumField() {
		if f := from.Type().Field(i); f.IsExported() {
			if diff := cmp.Diff(fmt.Sprint(from.Field(i)), fmt.Sprint(to.Field(i))); diff != "" {
				t.Errorf("%s: -want +got\n%s", f.Name, diff)
			}
		}
	}
}

func TestHTTP(t *testing.T) {
	withTLS := &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, nil }}
	for _, test := range []struct {
		srv  *http.Server
		want string
	}{
		{&http.Server{Addr: "127.0.0.1:8080"}, "http@127.0.0.1:8080"},
		{&http.Server{}, "http@:http"},
		{&http.Server{TLSConfig: withTLS}, "http@:https"},
		{&http.Server{TLSConfig: &tls.Config{}}, "http@:http"},
	} {
		c := HTTP(test.srv)
		if c.Name != test.want || c.Timeout != 10*time.Second {
			t.Errorf("%s with %v, want %s", c.Name, c.Timeout, test.want)
		}
	}
	wantPanic(t, "tend/server: the http.Server is nil", func() { HTTP(nil) })
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	if err := HTTP(&http.Server{Addr: busy.Addr().String()}).Serve(t.Context()); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("at a busy address: %v", err)
	}
}
