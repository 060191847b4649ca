package entity

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tend-go/tend/cluster"
)

// HTTP carries requests between nodes by HTTP: it is the client, and the [http.Handler] of
// the server at each member's Addr. The zero HTTP is ready. Whoever reaches the server may
// ask: put it where only members do, or ask for certificates.
//
//	POST /tend/entity?role=accounts&key=alice HTTP/1.1
//	Tend-Entity: 1
//	Tend-Timeout: 2s
//
// Without "Tend-Entity: 1" a request is refused with 403, and nothing done: a page from
// elsewhere can have a browser that reaches the server send a POST, but not with a header of
// its own. The answer is 200; 421 with "Tend-Owner: <addr> <token> <name>"; 410, 429, 504, 400 and
// 500 with the text of the error, and always with "Tend-Entity: 1". Others, of a proxy maybe,
// are errors of the transport.
type HTTP struct {
	// Client sends. Default: one that keeps a hundred idle connections to each member. Its
	// Timeout counts beside that of the context.
	Client *http.Client
	// URL is where a member's handler is. Of one that this node has not seen yet to has only
	// Name and Addr. Default: http://<Addr>/tend/entity.
	URL func(to cluster.Member) string
	// MaxBytes is of a message, and of an answer. Default 1 MiB.
	MaxBytes int64

	mu      sync.Mutex
	receive map[string]func(ctx context.Context, q Request) Reply
}

// Path is where the handler stands, if HTTP.URL is nil.
const Path = "/tend/entity"

const (
	headerVersion = "Tend-Entity"
	headerOwner   = "Tend-Owner"
	headerTimeout = "Tend-Timeout"
	version       = "1"
)

var statusCodes = map[Status]int{
	StatusDone:       http.StatusOK,
	StatusNotOwner:   http.StatusMisdirectedRequest,
	StatusFailed:     http.StatusInternalServerError,
	StatusGone:       http.StatusGone,
	StatusTooMany:    http.StatusTooManyRequests,
	StatusTimeout:    http.StatusGatewayTimeout,
	StatusUnreadable: http.StatusBadRequest,
}

// sharedClient is used where HTTP.Client is nil.
var sharedClient = sync.OnceValue(newClient)

// newClient makes one with the times of [http.DefaultTransport], which may be anything by
// now, and no proxy.
func newClient() *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout: 10 * time.Second,
		IdleConnTimeout:     90 * time.Second,
		MaxIdleConnsPerHost: 100,
		ForceAttemptHTTP2:   true,
	}}
}

// Listen has requests for a role be answered by receive.
func (h *HTTP) Listen(role string, receive func(ctx context.Context, q Request) Reply) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.receive == nil {
		h.receive = map[string]func(ctx context.Context, q Request) Reply{}
	}
	h.receive[role] = receive
}

// Send carries a request to a member.
func (h *HTTP) Send(ctx context.Context, to cluster.Member, q Request) (Reply, error) {
	where := "http://" + to.Addr + Path
	if h.URL != nil {
		where = h.URL(to)
	}
	var d dialling
	req, err := http.NewRequestWithContext(d.note(ctx), http.MethodPost, where, bytes.NewReader(q.Body))
	if err != nil {
		return Reply{}, fmt.Errorf("tend/entity: %w", err)
	}
	query := req.URL.Query() // of URL, for whoever stands between
	query.Set("role", q.Role)
	query.Set("key", q.Key)
	req.URL.RawQuery = query.Encode()
	req.Header.Set(headerVersion, version)
	if at, ok := ctx.Deadline(); ok {
		req.Header.Set(headerTimeout, time.Until(at).String())
	}
	client := h.Client
	if client == nil {
		client = sharedClient()
	}
	res, err := client.Do(req)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return Reply{}, context.Cause(ctx)
	case isDial(err), isTimeout(err) && d.underWay():
		return Reply{Status: StatusNotOwner, Claim: cluster.Claim{Role: q.Role}}, nil
	default:
		return Reply{}, fmt.Errorf("tend/entity: %w", err)
	}
	defer res.Body.Close()
	return h.reply(res, q.Role)
}

// isDial: there was no connection, so that nobody has got the request.
func isDial(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// isTimeout: it took too long. Of a time of the client's own it does not say what did.
func isTimeout(err error) bool {
	var of *url.Error
	return errors.As(err, &of) && of.Timeout()
}

// dialling is how far a request has come that wants a connection. A transport that says
// nothing of its connections may have sent it.
type dialling struct{ began, ended atomic.Bool }

func (d *dialling) note(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { d.began.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { d.ended.Store(true) },
	})
}

func (d *dialling) underWay() bool { return d.began.Load() && !d.ended.Load() }

func (h *HTTP) reply(res *http.Response, role string) (Reply, error) {
	if res.Header.Get(headerVersion) != version {
		return Reply{}, fmt.Errorf("tend/entity: %s answered %s, which is not of entities", res.Request.URL.Host, res.Status)
	}
	if res.StatusCode == statusCodes[StatusDone] {
		return h.answerOf(res)
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, maxText))
	if err != nil {
		return Reply{}, fmt.Errorf("tend/entity: %w", err)
	}
	for status, code := range statusCodes {
		if code == res.StatusCode {
			return Reply{Status: status, Text: string(text), Claim: ownerOf(role, res.Header.Get(headerOwner))}, nil
		}
	}
	return Reply{}, fmt.Errorf("tend/entity: %s answered %s", res.Request.URL.Host, res.Status)
}

// maxText is how much is read of an error's text.
const maxText = 64 << 10

func (h *HTTP) answerOf(res *http.Response) (Reply, error) {
	body, err := io.ReadAll(io.LimitReader(res.Body, min(h.most(), math.MaxInt64-1)+1))
	switch {
	case err != nil:
		return Reply{}, fmt.Errorf("tend/entity: %w", err)
	case int64(len(body)) > h.most():
		return Reply{}, fmt.Errorf("tend/entity: the answer of %s has more than %d bytes", res.Request.URL.Host, h.most())
	default:
		return Reply{Status: StatusDone, Body: body}, nil
	}
}

// ownerOf reads "<addr> <token> <name>"; what makes no sense is nobody.
func ownerOf(role, header string) cluster.Claim {
	c := cluster.Claim{Role: role}
	words := strings.SplitN(header, " ", 3)
	if len(words) < 3 {
		return c
	}
	if token, err := strconv.ParseInt(words[1], 10, 64); err == nil && token > 0 {
		c.Token, c.Owner = token, cluster.Member{Addr: words[0], Name: words[2]}
	}
	return c
}

func (h *HTTP) most() int64 {
	if h.MaxBytes > 0 {
		return h.MaxBytes
	}
	return 1 << 20
}

// ServeHTTP answers a request of another node.
func (h *HTTP) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "only POST", http.StatusMethodNotAllowed)
		return
	}
	if req.Header.Get(headerVersion) != version { // before anything of it is read
		http.Error(w, "only with "+headerVersion+": "+version, http.StatusForbidden)
		return
	}
	ctx := req.Context()
	if d, err := time.ParseDuration(req.Header.Get(headerTimeout)); err == nil {
		timed, cancel := context.WithTimeout(ctx, d)
		defer cancel()
		ctx = timed
	}
	r := h.answer(ctx, w, req)
	w.Header().Set(headerVersion, version)
	if c := r.Claim; c.Token != 0 {
		w.Header().Set(headerOwner, fmt.Sprint(c.Owner.Addr, " ", c.Token, " ", c.Owner.Name))
	}
	if r.Status != StatusDone {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		r.Body = []byte(r.Text)
	}
	w.WriteHeader(statusCodes[r.Status])
	_, _ = w.Write(r.Body) // who does not get it asks again, or not
}

func (h *HTTP) answer(ctx context.Context, w http.ResponseWriter, req *http.Request) Reply {
	q := req.URL.Query()
	h.mu.Lock()
	receive := h.receive[q.Get("role")]
	h.mu.Unlock()
	if receive == nil {
		return Reply{Status: StatusNotOwner}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, h.most()))
	if err != nil {
		return Reply{Status: StatusUnreadable, Text: err.Error()}
	}
	return receive(ctx, Request{Role: q.Get("role"), Key: q.Get("key"), Body: body})
}
