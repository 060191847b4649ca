package observe

import (
	"context"
	"errors"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/tendtest"
)

// TestFoundAsText: at a terminal one asks for what is in trouble, and reads it.
func TestFoundAsText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pool := tend.New("pool", tend.Spec{})
		pool.Add(tendtest.Idle("idle"))
		pool.Add(tend.Child{Service: tendtest.Failing("broken", errors.New("boom")), Limit: tend.Limit{N: 1}})
		root := tend.New("shop", tend.Spec{EventHook: func(tend.Event) {}})
		root.Add(pool)
		ctx, cancel := context.WithCancel(t.Context())
		done := root.ServeBackground(ctx)
		page := Handler(root, Options{})
		time.Sleep(3 * time.Second)
		for query, want := range map[string]string{
			"state=trouble":                 "service state for restarts last failure|shop running 3s 0|pool running 3s 0|broken failed 3s 0 boom|1 found|",
			"q=idle":                        "service state for restarts last failure|shop running 3s 0|pool running 3s 0|idle running 3s 0|1 found|",
			"q=nothing":                     "service state for restarts last failure|0 found|",
			"q=" + strings.Repeat("x", 201): "observe: q has 201 bytes, more than 200|",
		} {
			w := httptest.NewRecorder()
			page.ServeHTTP(w, httptest.NewRequest("GET", "http://localhost/api/tree?format=text&"+query, nil))
			got := strings.ReplaceAll(regexp.MustCompile(" *\n *").ReplaceAllString(w.Body.String(), "|"), "\n", "|")
			if diff := cmp.Diff(want, regexp.MustCompile(" +").ReplaceAllString(got, " ")); diff != "" {
				t.Errorf("%.20s: %s", query, diff)
			}
		}
		page.Close()
		cancel()
		<-done
	})
}

// Of more than it shows it says so, last, where a person at a terminal reads.
func TestFoundAsTextIsNotAll(t *testing.T) {
	p := newTestPage(t, newFakeTree(large(maxFound+1)), Options{})
	for query, want := range map[string]string{
		"q=game":      "1001 found, of which these are 1000",
		"q=game-0000": "10 found",
	} {
		lines := strings.Split(strings.TrimSpace(request(p, "GET", "/api/tree?format=text&"+query).Body.String()), "\n")
		if got := lines[len(lines)-1]; got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
}
