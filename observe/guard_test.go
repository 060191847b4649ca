package observe

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tend-go/tend"
)

func TestOtherSitesReboundNamesAndStrangersAreRefused(t *testing.T) {
	yes := func(*http.Request, Action, tend.ServiceStatus) error { return nil }
	no := func(*http.Request, Action, tend.ServiceStatus) error { return errors.New("ask the on-call <engineer>") }
	sup := supervisor("root", "a")
	restart := "/api/node/" + sup.Status().Services[0].Token.String()[1:] + "/restart"
	same, cross := "same-origin", "cross-site"
	for _, c := range []struct {
		name   string
		allow  func(*http.Request, Action, tend.ServiceStatus) error
		hosts  []string
		method string
		target string
		header []string
		want   int
		calls  []string
	}{
		{"a look", nil, nil, "GET", "/", nil, 200, nil},
		{"a look by address", nil, nil, "GET", "/", []string{"Host", "127.0.0.1:8080"}, 200, nil},
		{"a look by another loopback address", nil, nil, "GET", "/", []string{"Host", "127.9.9.9"}, 200, nil},
		{"a look by IPv6", nil, nil, "GET", "/", []string{"Host", "[::1]:8080"}, 200, nil},
		{"a look by IPv6 without port", nil, nil, "GET", "/", []string{"Host", "[::1]"}, 200, nil},
		{"capitals and a dot", nil, nil, "GET", "/", []string{"Host", "LocalHost.:8080"}, 200, nil},
		{"rebinding", nil, nil, "GET", "/api/tree", []string{"Host", "evil.example:8080", "Origin", "http://evil.example:8080", "Sec-Fetch-Site", same}, 421, nil},
		{"rebinding that acts", yes, nil, "POST", restart, []string{"Host", "evil.example:8080", "Origin", "http://evil.example:8080", "Sec-Fetch-Site", same}, 421, nil},
		{"a name that ends like ours", nil, nil, "GET", "/", []string{"Host", "notlocalhost"}, 421, nil},
		{"a name that begins like ours", nil, nil, "GET", "/", []string{"Host", "127.0.0.1.evil.example"}, 421, nil},
		{"another address of the machine", nil, nil, "GET", "/", []string{"Host", "10.0.0.7:8080"}, 421, nil},
		{"no name", nil, nil, "GET", "/", []string{"Host", ""}, 421, nil},
		{"a name that is listed", nil, []string{"Ops.Example.com"}, "GET", "/", []string{"Host", "ops.example.com:443"}, 200, nil},
		{"loopback although others are listed", nil, []string{"ops.example.com"}, "GET", "/", nil, 200, nil},
		{"any name", nil, []string{"*"}, "GET", "/", []string{"Host", "evil.example"}, 200, nil},
		{"a link from another site", nil, nil, "GET", "/", []string{"Sec-Fetch-Site", cross, "Sec-Fetch-Mode", "navigate"}, 200, nil},
		{"an image of another site", nil, nil, "GET", "/", []string{"Sec-Fetch-Site", cross, "Sec-Fetch-Mode", "no-cors"}, 403, nil},
		{"a link from another site into the API", nil, nil, "GET", "/api/tree", []string{"Sec-Fetch-Site", cross, "Sec-Fetch-Mode", "navigate"}, 403, nil},
		{"the API for another site", nil, nil, "GET", "/api/events", []string{"Sec-Fetch-Site", cross, "Sec-Fetch-Mode", "cors"}, 403, nil},
		{"the API for another port", nil, nil, "GET", "/api/tree.dot", []string{"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "no-cors"}, 403, nil},

		{"read-only", nil, nil, "POST", restart, []string{"Sec-Fetch-Site", same}, 403, nil},
		{"allowed", yes, nil, "POST", restart, []string{"Sec-Fetch-Site", same}, 200, []string{"restart(<nil>)"}},
		{"allowed, no browser", yes, nil, "POST", restart, nil, 200, []string{"restart(<nil>)"}},
		{"allowed, own origin", yes, nil, "POST", restart, []string{"Origin", "http://localhost:8080"}, 200, []string{"restart(<nil>)"}},
		{"refused", no, nil, "POST", restart, []string{"Sec-Fetch-Site", same}, 403, nil},
		{"cross-site", yes, nil, "POST", restart, []string{"Sec-Fetch-Site", cross}, 403, nil},
		{"same-site is another origin", yes, nil, "POST", restart, []string{"Sec-Fetch-Site", "same-site"}, 403, nil},
		{"other origin", yes, nil, "POST", restart, []string{"Origin", "http://evil.example"}, 403, nil},
		{"sandboxed", yes, nil, "POST", restart, []string{"Origin", "null"}, 403, nil},
		{"GET never acts", yes, nil, "GET", restart, nil, 405, nil},
		{"HEAD never acts", yes, nil, "HEAD", restart, nil, 405, nil},
		{"PUT never acts", yes, nil, "PUT", restart, []string{"Sec-Fetch-Site", same}, 405, nil},
		{"no such action", yes, nil, "POST", strings.Replace(restart, "restart", "explode", 1), nil, 404, nil},
		{"no such service", yes, nil, "POST", "/api/node/18446744073709551615/restart", nil, 404, nil},
		{"the root", yes, nil, "POST", "/api/node/0/restart", nil, 404, nil},
		{"no id", yes, nil, "POST", "/api/node/x/restart", nil, 400, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFakeTree(sup.Status())
			p := newTestPage(t, f, Options{Hosts: c.hosts, Allow: c.allow, Logger: slog.New(slog.DiscardHandler)})
			r := httptest.NewRequest(c.method, c.target, strings.NewReader(url.Values{"epoch": {p.hub.epoch}, "path": {"root/a"}}.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			w := serveRequest(p, r, c.header...)
			if w.Code != c.want {
				t.Errorf("status %d, want %d: %s", w.Code, c.want, w.Body)
			}
			var did []string
			for _, call := range f.calls {
				did = append(did, strings.Fields(call)[0])
			}
			if d := cmp.Diff(c.calls, did); d != "" {
				t.Error(d)
			}
			if got := w.Header().Get("Content-Security-Policy"); got != policy {
				t.Errorf("policy %q", got)
			}
			if c.name == "refused" {
				if got := w.Body.String(); got != "ask the on-call <engineer>\n" || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
					t.Errorf("the refusal is %q %v", got, w.Header())
				}
			}
		})
	}
}
