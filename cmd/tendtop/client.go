package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/said"
)

// client asks the API of a page.
type client struct {
	base string // URL of the page, with a slash at its end
	http *http.Client
}

const (
	askTimeout = 10 * time.Second
	maxAnswer  = 256 << 20 // bytes; 100,000 services are some 40 MB
)

// newClient finds out from an address where the page is.
func newClient(address string) (*client, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if path, is := strings.CutPrefix(address, "unix:"); is {
		if path == "" {
			return nil, errors.New("unix: wants the path of a socket")
		}
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}
		address = "localhost"
	}
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%q is no address of a page", address)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/debug/tree/"
	}
	u.RawQuery, u.Fragment = "", ""
	base := u.String()
	if !strings.HasSuffix(base, "/") {
		base += "/"
	}
	return &client{base, &http.Client{Transport: transport, Timeout: askTimeout}}, nil
}

// tree asks for all of it.
func (c *client) tree(ctx context.Context) (s tend.Status, err error) {
	return s, c.get(ctx, "api/tree?format=json", &s)
}

// node is what the API says of one service.
type node struct {
	At      int64               `json:"at"` // Unix milliseconds
	ID      uint64              `json:"id"`
	Path    string              `json:"path"`
	Epoch   string              `json:"epoch"`
	Service *tend.ServiceStatus `json:"service"`
	// Supervisor is the one that it is or serves, whose path may be another one; nil: none.
	Supervisor *tend.Status `json:"supervisor"`
	Events     []event      `json:"events"` // newest first
}

// isAt: path is that of n, or of its supervisor, as it is shown.
func (n *node) isAt(path string) bool {
	return said.Clean(n.Path, maxText) == path || n.Supervisor != nil && said.Clean(n.Supervisor.Path, maxText) == path
}

// event is one of the page's list.
type event struct {
	Time int64  `json:"t"` // Unix milliseconds
	Name string `json:"n"` // of the service
	Word string `json:"w"`
	Text string `json:"x"`
}

func (c *client) node(ctx context.Context, id uint64) (n node, err error) {
	return n, c.get(ctx, "api/node/"+strconv.FormatUint(id, 10), &n)
}

// stacks are those of the goroutines of a service.
func (c *client) stacks(ctx context.Context, id uint64) (string, error) {
	body, err := c.ask(ctx, http.MethodGet, "api/node/"+strconv.FormatUint(id, 10)+"/goroutines", nil)
	return string(body), err
}

// act asks for something to be done to the service that was looked at.
func (c *client) act(ctx context.Context, n node, action string) error {
	form := url.Values{"epoch": {n.Epoch}, "path": {n.Path}}
	_, err := c.ask(ctx, http.MethodPost, "api/node/"+strconv.FormatUint(n.ID, 10)+"/"+action, form)
	return err
}

func (c *client) get(ctx context.Context, path string, into any) error {
	body, err := c.ask(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("%s does not answer as a page of tend does: %w", c.base, err)
	}
	return nil
}

func (c *client) ask(ctx context.Context, method, path string, form url.Values) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := c.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", response.Status, strings.TrimSpace(string(body[:min(len(body), 200)])))
	}
	return body, nil
}
