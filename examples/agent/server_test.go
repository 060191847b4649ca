package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What counts as delivered, and what of an answer is understood.
func TestRemote(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   directive
		lost   bool
	}{
		"all of it": {
			200, `{"report_type": "lazy", "scan_interval": 900, "pull_interval": 300, "next_interval": 1800, "upgrades": [{"name": "a", "version": "2"}]}`,
			directive{"lazy", 900, 300, 1800, []pluginReport{{Name: "a", Version: "2"}}},
			false,
		},
		"nothing":               {204, ``, directive{}, false},
		"a word":                {200, `ok`, directive{}, false},
		"half of it":            {200, `{"report_type": "lazy"`, directive{}, false},
		"a number too large":    {200, `{"report_type": "lazy", "scan_interval": 1e300}`, directive{}, false},
		"another type":          {200, `{"scan_interval": "often"}`, directive{}, false},
		"more than a directive": {200, `{"upgrades": [{"name": "` + strings.Repeat("a", maxAnswer) + `"}]}`, directive{}, false},
		"an error":              {503, `{"report_type": "lazy"}`, directive{}, true},
		"a refusal":             {403, ``, directive{}, true},
		"not modified":          {304, ``, directive{}, true},
		"somewhere else":        {302, ``, directive{}, true},
		"the same elsewhere":    {308, ``, directive{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			var got report
			path := ""
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/elsewhere" {
					return // where redirections lead
				}
				path = r.URL.Path
				w.Header().Set("Location", "/elsewhere")
				_ = json.NewDecoder(r.Body).Decode(&got)
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			}))
			defer server.Close()
			sent := report{"linux", "arm64", []pluginReport{{"größe", "1.0", failed, "no such file"}}}
			d, err := (&remote{server.URL, client}).post(t.Context(), scanPath, sent)
			if diff := cmp.Diff(c.want, d); diff != "" || (err != nil) != c.lost {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
			if diff := cmp.Diff(sent, got); diff != "" || path != scanPath {
				t.Errorf("%s (-want +got):\n%s", path, diff)
			}
		})
	}
}

// A stop ends a post to a server that does not answer.
func TestRemoteStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or the server does not see that the client leaves
		cancel()
		<-r.Context().Done()
	}))
	defer server.Close()
	if _, err := (&remote{server.URL, server.Client()}).post(ctx, scanPath, report{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestRemoteIsNotThere(t *testing.T) {
	server := httptest.NewServer(nil)
	server.Close()
	if _, err := (&remote{server.URL, http.DefaultClient}).post(t.Context(), scanPath, report{}); err == nil {
		t.Error("delivered to nobody")
	}
}
