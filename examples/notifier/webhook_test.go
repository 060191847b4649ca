package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tend-go/tend"
	"github.com/tend-go/tend/retry"
)

// Which addresses make a receiver.
func TestWebhookAddresses(t *testing.T) {
	for address, good := range map[string]bool{
		"http://x": true, "https://x:1/y?z": true, "http://[::1]:1/": true,
		"": false, "x": false, "localhost:1": false, "ftp://x/y": false, "httpx://x/y": false, "http://": false, "http:///y": false, "http://[::1": false,
	} {
		if _, err := newWebhook("chat", address, time.Minute); (err == nil) != good {
			t.Errorf("%q: got %v", address, err)
		}
	}
}

// What an answer means: the wait before the next attempt, or that there is none.
func TestWebhookAnswers(t *testing.T) {
	const hour = time.Hour
	for _, c := range []struct {
		status int
		after  string
		want   string
	}{
		{200, "", "sent"},
		{202, "7", "sent"},
		{301, "", "given up"},
		{302, "", "given up"},
		{307, "", "given up"},
		{400, "", "given up"},
		{401, "7", "given up"},
		{404, "", "given up"},
		{408, "", "in 1ms"},
		{429, "", "in 1ms"},
		{429, "7", "in 7s"},
		{429, "0", "in 1ms"}, // never earlier than the schedule
		{429, "soon", "in 1ms"},
		{429, "-7", "in 1ms"},
		{500, "", "in 1ms"},
		{502, "7", "in 1ms"},
		{503, "7", "in 7s"},
		{503, "86400", "in 1h0m0s"}, // patience
		{503, "99999999999", "in 1ms"},
		{503, "Mon, 02 Jan 2006 15:04:05 GMT", "in 1ms"}, // long ago
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/" {
				return // where redirections lead
			}
			w.Header().Set("Location", "/elsewhere")
			if c.after != "" {
				w.Header().Set("Retry-After", c.after)
			}
			w.WriteHeader(c.status)
		}))
		w, err := newWebhook("mail", server.URL, hour)
		if err != nil {
			t.Fatal(err)
		}
		got := "sent"
		ctx, cancel := context.WithCancel(t.Context())
		policy := retry.Policy{Backoff: tend.Backoff{Min: time.Millisecond}, OnRetry: func(_ int, _ error, wait time.Duration) {
			got = "in " + wait.String()
			cancel() // the wait itself is not of interest
		}}
		if err := policy.Do(ctx, func(ctx context.Context) error { return w.send(ctx, notification{ID: "1"}) }); errors.Is(err, retry.ErrPermanent) {
			got = "given up"
		}
		cancel()
		server.Close()
		if got != c.want {
			t.Errorf("%d with Retry-After %q: %s, want %s", c.status, c.after, got, c.want)
		}
	}
}

func TestRetryAfterDate(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	if d, ok := retryAfter("Fri, 02 Jan 2026 03:05:05 GMT", now); d != time.Minute || !ok {
		t.Errorf("got %v, %v", d, ok)
	}
}

// The receiver gets the notification, and a key by which to know it again.
func TestWebhookRequest(t *testing.T) {
	var got notification
	var header http.Header
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		header = r.Header
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	want := notification{ID: "1", Text: "“look, no hands”"}
	w := &webhook{title: "mail", url: server.URL, client: server.Client()}
	if err := w.send(t.Context(), want); err != nil {
		t.Error(err)
	}
	if d := cmp.Diff(want, got); d != "" || header.Get("Idempotency-Key") != "1" || header.Get("Content-Type") != "application/json" {
		t.Errorf("%v (-want +got):\n%s", header, d)
	}
}

// A stop ends a send to a receiver that does not answer.
func TestWebhookStops(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or the server does not see that the client leaves
		cancel(errStop)
		<-r.Context().Done()
	}))
	defer server.Close()
	w := &webhook{title: "mail", url: server.URL, client: server.Client()}
	if err := w.send(ctx, notification{ID: "1"}); !errors.Is(err, context.Canceled) && !errors.Is(err, errStop) {
		t.Errorf("got %v", err)
	}
}
