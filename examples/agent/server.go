package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/tend-go/tend/retry"
)

// The paths that reports are posted to.
const (
	scanPath    = "/status"
	pullPath    = "/heartbeats"
	listPath    = "/plugins"
	upgradePath = "/upgrades"
)

// directive is what the server answers to any report. What is zero changes
// nothing. Intervals are in seconds.
type directive struct {
	ReportType string `json:"report_type"` // "normal": every time, "lazy": only changes
	Scan       int64  `json:"scan_interval"`
	Pull       int64  `json:"pull_interval"`
	Next       int64  `json:"next_interval"` // of the upgrade check

	Upgrades []pluginReport `json:"upgrades"`
}

// server is where reports go. An error means that the report was not delivered.
type server interface {
	post(ctx context.Context, path string, r report) (directive, error)
}

// remote is a server that speaks HTTP.
type remote struct {
	url    string // without a slash at its end
	client *http.Client
}

// maxAnswer is how much of an answer is read, in bytes.
const maxAnswer = 64 << 10

// client follows no redirections: net/http would ask for the other page, without the report,
// and the status of that page be taken for the server's word.
var client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// post posts r. With a status below 300 it is delivered, whatever the body says: a
// directive that nobody can read changes nothing.
func (s *remote) post(ctx context.Context, path string, r report) (directive, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	body, err := json.Marshal(r)
	if err != nil {
		return directive{}, retry.Permanent(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+path, bytes.NewReader(body))
	if err != nil {
		return directive{}, retry.Permanent(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := s.client.Do(req)
	if err != nil {
		return directive{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode >= 300 {
		return directive{}, fmt.Errorf("POST %s: %s", path, resp.Status)
	}
	var d directive
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&d); err != nil {
		return directive{}, nil //nolint:nilerr // delivered; see above
	}
	return d, nil
}
