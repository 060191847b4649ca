package server

import (
	"context"
	"net"
	"net/http"
	"reflect"
	"sync"
	"time"

	"github.com/tend-go/tend"
)

// HTTP makes a service of an http.Server: it listens at srv.Addr, with TLS if
// srv.TLSConfig has a certificate or a way to get one. It is
//
//	Config{Name: "http@" + srv.Addr, Addr: srv.Addr, New: CopiesOf(srv)}.Child()
//
// and what [Config] and [CopiesOf] say holds; write that yourself to have another
// listener or more time for requests under way. It panics if srv is nil.
func HTTP(srv *http.Server) tend.Child {
	copies := CopiesOf(srv) // panics if it is nil
	addr := srv.Addr
	if addr == "" { // as net/http has it
		addr = ":http"
		if hasTLS(srv) {
			addr = ":https"
		}
	}
	return Config{Name: "http@" + addr, Addr: addr, New: copies}.Child()
}

// headerTimeout is how long a client may take to send the head of a request, if the
// http.Server does not say. Without a limit anybody holds as many connections as the
// program may have files, with a byte for each.
const headerTimeout = 10 * time.Second

// CopiesOf makes servers like srv, for [Config].New. Each run is served by a copy,
// because an http.Server that was shut down cannot serve again; so Shutdown and
// Close of srv itself do nothing to it. What srv.RegisterOnShutdown has registered
// is called when a run is to stop. A copy has a ReadHeaderTimeout of 10s if srv has
// neither that nor a ReadTimeout; one of less than zero is none. It panics if srv is
// nil.
//
// The context of a request has the values of the service's context, unless srv
// has a BaseContext. It ends when the request is cut off, and for a hijacked
// connection, which an http.Server forgets about, when all others are through. What
// would take for ever, such as a stream of events, learns of the stop from [Stopping].
// A run has ended only when all its handlers have returned: one that does not is
// reported as what the service hangs in. A connection that has not brought a request yet
// is closed at once, as an idle one is.
func CopiesOf(srv *http.Server) func(ctx context.Context) Graceful {
	if srv == nil {
		panic("tend/server: the http.Server is nil")
	}
	return func(ctx context.Context) Graceful { return newHTTP(ctx, srv) }
}

// httpRun is the server of one run.
type httpRun struct {
	server  *http.Server
	handler http.Handler

	cut context.Context // ended when what is under way is cut off
	end context.CancelFunc

	stopping chan struct{} // closed when it is to stop
	once     sync.Once     // of that
	silent   silent

	mu     sync.Mutex
	closed bool          // no handler begins any more
	active int           // handlers
	idle   chan struct{} // closed when closed and there are none
}

func newHTTP(ctx context.Context, like *http.Server) *httpRun {
	h := &httpRun{server: copyOf(like), handler: like.Handler, stopping: make(chan struct{}), idle: make(chan struct{})}
	if h.handler == nil {
		h.handler = http.DefaultServeMux
	}
	h.cut, h.end = context.WithCancel(context.WithoutCancel(ctx))
	h.server.Handler = h
	h.server.BaseContext = h.base(like.BaseContext)
	h.server.ConnState = h.silent.watch(like.ConnState)
	h.server.RegisterOnShutdown(h.silent.close)                      // and not before: the server must not answer them any more
	h.server.RegisterOnShutdown(func() { _ = like.Shutdown(h.cut) }) // calls its hooks; it serves nothing
	return h
}

// copyOf copies the settings of a server, which are its exported fields.
func copyOf(like *http.Server) *http.Server {
	srv := new(http.Server)
	from, to := reflect.ValueOf(like).Elem(), reflect.ValueOf(srv).Elem()
	for i := range from.NumField() {
		if from.Type().Field(i).IsExported() {
			to.Field(i).Set(from.Field(i))
		}
	}
	if srv.TLSConfig != nil {
		srv.TLSConfig = srv.TLSConfig.Clone() // serving changes it
	}
	if srv.ReadHeaderTimeout == 0 && srv.ReadTimeout == 0 { // which net/http takes instead
		srv.ReadHeaderTimeout = headerTimeout
	}
	return srv
}

func hasTLS(srv *http.Server) bool {
	c := srv.TLSConfig
	return c != nil && (len(c.Certificates) > 0 || c.GetCertificate != nil || c.GetConfigForClient != nil)
}

// base makes the contexts of requests.
func (h *httpRun) base(of func(net.Listener) context.Context) func(net.Listener) context.Context {
	if of == nil {
		return func(net.Listener) context.Context { return withStopping(h.cut, h.stopping) }
	}
	return func(l net.Listener) context.Context {
		ctx, end := context.WithCancel(of(l))
		context.AfterFunc(h.cut, end)
		return withStopping(ctx, h.stopping)
	}
}

// Serve serves, with TLS if there is a certificate.
func (h *httpRun) Serve(l net.Listener) error {
	if hasTLS(h.server) {
		return h.server.ServeTLS(l, "", "")
	}
	return h.server.Serve(l)
}

// GracefulStop waits for requests, then for the handlers of connections that were
// hijacked.
func (h *httpRun) GracefulStop() {
	h.tell()
	_ = h.server.Shutdown(h.cut)
	h.finish()
}

// Stop ends all requests: first their connections, so that a handler that is told
// and returns does not answer as if all were well.
func (h *httpRun) Stop() {
	h.tell()
	_ = h.server.Close()
	h.finish()
}

// tell tells those that want to know that the server is to stop.
func (h *httpRun) tell() {
	h.once.Do(func() { close(h.stopping) })
}

// finish waits for the handlers that still run.
func (h *httpRun) finish() {
	h.end()
	h.mu.Lock()
	if !h.closed {
		h.closed = true
		h.settle()
	}
	h.mu.Unlock()
	<-h.idle
}

// settle tells when nothing is left. The caller holds h.mu.
func (h *httpRun) settle() {
	if h.closed && h.active == 0 {
		close(h.idle)
	}
}

// ServeHTTP counts the handlers that run.
func (h *httpRun) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		panic(http.ErrAbortHandler) // the connection is closed
	}
	h.active++
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.active--
		h.settle()
	}()
	h.handler.ServeHTTP(w, r)
}
