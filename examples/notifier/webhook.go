package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/tend-go/tend/retry"
)

// webhook posts notifications to a URL, as JSON.
type webhook struct {
	title, url string
	client     *http.Client
	patience   time.Duration // the longest Retry-After that is believed
}

// webhooks makes a sender for each receiver. One that cannot be configured is logged
// and left out: a mistake about one is no reason to tell the others nothing.
func webhooks(list []receiverAddress, patience time.Duration, log *slog.Logger) (senders []sender) {
	for _, r := range list {
		w, err := newWebhook(r.name, r.url, patience)
		if err != nil {
			log.LogAttrs(context.Background(), slog.LevelError, "left out", slog.String("receiver", r.name), slog.Any("error", err))
			continue
		}
		senders = append(senders, w)
	}
	return senders
}

func newWebhook(name, address string, patience time.Duration) (*webhook, error) {
	if u, err := url.Parse(address); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("the url is %q, not http://host/path", address)
	}
	return &webhook{title: name, url: address, client: client, patience: patience}, nil
}

// client follows no redirections: net/http would ask for the other page, without the
// notification, and the status of that page be taken for the receiver's word.
var client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

func (w *webhook) name() string { return w.title }

// send posts n. The Idempotency-Key lets a receiver recognise what it got already:
// a crash between the answer and the note in the store sends it again.
func (w *webhook) send(ctx context.Context, n notification) error {
	body, err := json.Marshal(n)
	if err != nil {
		return retry.Permanent(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return retry.Permanent(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", n.ID)
	resp, err := w.client.Do(req)
	if err != nil {
		return err
	}
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // so that the connection can be used again
	_ = resp.Body.Close()
	return w.judge(resp)
}

// judge says what an answer means. Of the codes that blame the client only two are
// worth another attempt.
func (w *webhook) judge(resp *http.Response) error {
	if resp.StatusCode < 300 {
		return nil
	}
	err := fmt.Errorf("%s answered %s", w.title, resp.Status)
	wait, told := retryAfter(resp.Header.Get("Retry-After"), time.Now())
	switch {
	case told && (resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable):
		return retry.After(err, min(wait, w.patience))
	case resp.StatusCode == http.StatusTooManyRequests, resp.StatusCode == http.StatusRequestTimeout, resp.StatusCode >= 500:
		return err
	}
	return retry.Permanent(err)
}

// retryAfter reads the header of that name: seconds, or a date (RFC 9110, 10.2.3).
func retryAfter(header string, now time.Time) (time.Duration, bool) {
	if s, err := strconv.ParseUint(header, 10, 31); err == nil {
		return time.Duration(s) * time.Second, true
	}
	if t, err := http.ParseTime(header); err == nil {
		return max(t.Sub(now), 0), true
	}
	return 0, false
}
