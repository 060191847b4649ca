package health

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/tend-go/tend/internal/said"
)

// HTTPOption changes what an [HTTP] check does.
type HTTPOption func(*httpCheck)

// Client makes the check use c as it is, with its redirects, proxies and pooled
// connections, instead of what [HTTP] says about these.
func Client(c *http.Client) HTTPOption { return func(h *httpCheck) { h.client = c } }

// Header adds a header to the request. "Host" is the host name asked for.
func Header(key, value string) HTTPOption { return func(h *httpCheck) { h.header.Add(key, value) } }

// StatusBetween says which status codes are good, both included, instead of 200
// to 299.
func StatusBetween(lo, hi int) HTTPOption { return func(h *httpCheck) { h.lo, h.hi = lo, hi } }

// HTTP is a check that GETs url: good is a status of 200 to 299, anything else
// is a [*StatusError]. The status is a [Detail].
//
// Each check makes a new connection, to no proxy whatever the environment says,
// and follows no redirects: what matters is this server now, not one behind it or
// a connection from yesterday (Kubernetes learned the latter in issue 15643). At the
// end the connection is reset rather than closed, so that many probes do not leave as
// many sockets in TIME_WAIT. At most 512 bytes of a body are read, and those
// only if the status is bad.
//
// A url that makes no sense, or is not http or https, is the error of every run. Errors
// have it without its query and password: what they say is logged.
func HTTP(url string, opts ...HTTPOption) Check {
	h := &httpCheck{client: probing, header: http.Header{}, lo: 200, hi: 299}
	for _, opt := range opts {
		opt(h)
	}
	if err := h.prepare(url); err != nil {
		err = prefixed(fmt.Errorf("HTTP check: %w", err))
		return func(context.Context) error { return err }
	}
	return h.check
}

// StatusError is an HTTP status that is not good.
type StatusError struct {
	Code     int
	Location string // of a redirect, without its query
	Body     string // its first line; of a redirect nothing, unless its Location does not parse
}

// Error says the code, what that means and the first line of the body.
func (e *StatusError) Error() string {
	text := fmt.Sprintf("HTTP status %d %s", e.Code, http.StatusText(e.Code))
	if e.Location != "" {
		text += " to " + e.Location
	}
	if e.Body != "" {
		text += ": " + e.Body
	}
	return text
}

// bodyLimit is how much of a body is read.
const bodyLimit = 512

type httpCheck struct {
	client *http.Client
	url    *url.URL
	header http.Header
	lo, hi int
}

// probing is the client of all checks that have none of their own. It pools nothing,
// so they have nothing to do with each other.
var probing = &http.Client{
	Transport: plain{&http.Transport{
		DialContext:            dialReset,
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: 64 << 10,
	}},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// plain takes a redirect that leads nowhere for an answer without one: the error that a client
// makes of it has all of its Location, which may hold a token.
type plain struct{ http.RoundTripper }

func (p plain) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := p.RoundTripper.RoundTrip(req)
	if err != nil || resp == nil {
		return resp, err
	}
	if _, bad := url.Parse(resp.Header.Get("Location")); bad != nil {
		if resp.Body != nil {
			_ = resp.Body.Close() // it may say where, too
		}
		resp.Header.Del("Location")
		resp.Body, resp.ContentLength = io.NopCloser(strings.NewReader("to a Location that does not parse")), -1
	}
	return resp, nil
}

// dialReset connects; closing the connection will reset it.
func dialReset(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // at worst the socket lingers
	}
	return conn, err
}

// prepare finds out once and for all whether the request can be made.
func (h *httpCheck) prepare(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil && strings.ContainsAny(raw, "@?#"): // err shows the part that it does not like
		return errors.New("the url does not parse; it is not shown, as it may hold a password or token")
	case err != nil:
		return err
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("url %q is neither http nor https", shown(raw))
	case u.Hostname() == "":
		return fmt.Errorf("url %q has no host", shown(raw))
	case h.client == nil:
		return errors.New("the client is nil")
	case h.lo > h.hi:
		return fmt.Errorf("no status is between %d and %d", h.lo, h.hi)
	}
	h.url = u
	if h.header.Get("User-Agent") == "" {
		h.header.Set("User-Agent", "tend-health")
	}
	return nil
}

func (h *httpCheck) check(ctx context.Context) error {
	req := (&http.Request{Method: http.MethodGet, URL: h.url, Host: h.header.Get("Host"), Header: h.header.Clone()}).WithContext(ctx)
	client := h.client
	if client != probing {
		own := *client // as it is now
		own.Transport = plain{cmp.Or(own.Transport, http.DefaultTransport)}
		client = &own
	}
	resp, err := client.Do(req)
	if err != nil {
		return withoutQuery(err)
	}
	defer func() { _ = resp.Body.Close() }() // the answer is known
	Detail(ctx, slog.Int("status", resp.StatusCode))
	if h.lo <= resp.StatusCode && resp.StatusCode <= h.hi {
		return nil
	}
	if location := resp.Header.Get("Location"); location != "" { // says more than the body, which repeats it with its query
		return &StatusError{Code: resp.StatusCode, Location: said.Clean(shown(location), bodyLimit)}
	}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, bodyLimit)) // the status is bad anyway
	line, _, _ := strings.Cut(strings.TrimSpace(string(body)), "\n")
	return &StatusError{Code: resp.StatusCode, Body: said.Clean(strings.TrimSpace(line), bodyLimit)}
}

// shown is a URL as errors and logs may have it: without its query and fragment, which may be a
// token, and without a password.
func shown(raw string) string {
	u, err := url.Parse(raw)
	if err != nil { // what is a secret in it cannot be told
		return "(unreadable)"
	}
	u.RawQuery, u.ForceQuery, u.Fragment, u.RawFragment = "", false, "", ""
	return u.Redacted()
}

// withoutQuery changes the URL in an error of package net/url or net/http.
func withoutQuery(err error) error {
	var e *url.Error
	if errors.As(err, &e) { // made for us alone
		e.URL = shown(e.URL)
	}
	return err
}

// TCP is a check that connects to addr, "host:port", and resets the connection.
// An address that makes no sense is the error of every run.
func TCP(addr string) Check {
	host, port, err := net.SplitHostPort(addr)
	if err == nil && (host == "" || port == "") {
		err = fmt.Errorf("address %q lacks a host or port", addr)
	}
	if err != nil {
		err = prefixed(fmt.Errorf("TCP check: %w", err))
		return func(context.Context) error { return err }
	}
	return func(ctx context.Context) error {
		conn, err := dialReset(ctx, "tcp", addr)
		if err != nil {
			return err
		}
		_ = conn.Close() // it was connected
		return nil
	}
}
