package gate

import (
	"net/http/httptest"
	"testing"
)

func TestRefuse(t *testing.T) {
	const site, mode, dest, origin = "Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest", "Origin"
	local, ops, any := New(), New("Ops.Example.com"), New("*")
	for _, c := range []struct {
		name   string
		gate   *Gate
		method string
		host   string
		page   bool
		header []string
		want   int
	}{
		{"by address", local, "GET", "127.0.0.1:6060", false, nil, 0},
		{"by localhost", local, "GET", "LocalHost.:6060", false, nil, 0},
		{"rebinding", local, "GET", "evil.example:6060", true, []string{site, "same-origin"}, 421},
		{"rebinding where any name will do", any, "GET", "evil.example", true, []string{site, "same-origin"}, 0},
		{"a name that is listed", ops, "GET", "ops.example.com.:443", false, nil, 0},
		{"loopback though another is listed", ops, "GET", "[::1]:6060", false, nil, 0},
		{"a name that is not", ops, "GET", "example.com", false, nil, 421},

		{"typed", local, "GET", "localhost", false, []string{site, "none", mode, "navigate", dest, "document"}, 0},
		{"of the page itself", local, "GET", "localhost", false, []string{site, "same-origin", mode, "cors"}, 0},
		{"an image", local, "GET", "localhost", false, []string{site, "cross-site", mode, "no-cors", dest, "image"}, 403},
		{"an image that is a page", local, "GET", "localhost", true, []string{site, "cross-site", mode, "no-cors", dest, "image"}, 403},
		{"a page that is fetched", local, "GET", "localhost", true, []string{site, "cross-site", mode, "cors"}, 403},
		{"a fetch of another port", local, "GET", "localhost", false, []string{site, "same-site", mode, "no-cors"}, 403},
		{"what browsers will say one day", local, "GET", "localhost", false, []string{site, "unheard-of"}, 403},
		{"where any name will do", any, "GET", "ops.example", false, []string{site, "cross-site"}, 403},
		{"a link to a page", local, "GET", "localhost", true, []string{site, "cross-site", mode, "navigate", dest, "document"}, 0},
		{"a link of the same site to a page", local, "GET", "localhost", true, []string{site, "same-site", mode, "navigate"}, 0},
		{"a link to anything else", local, "GET", "localhost", false, []string{site, "cross-site", mode, "navigate", dest, "document"}, 403},
		{"a frame with a page", local, "GET", "localhost", true, []string{site, "cross-site", mode, "navigate", dest, "iframe"}, 403},
		{"a form sent to a page", local, "POST", "localhost", true, []string{site, "cross-site", mode, "navigate", dest, "document"}, 403},

		{"no browser posts", local, "POST", "localhost", false, nil, 0},
		{"an old browser posts from elsewhere", local, "POST", "localhost", false, []string{origin, "http://evil.example"}, 403},
		{"the page posts", local, "POST", "localhost", false, []string{site, "same-origin", origin, "http://localhost"}, 0},
	} {
		r := httptest.NewRequest(c.method, "/", nil)
		r.Host = c.host
		for i := 0; i < len(c.header); i += 2 {
			r.Header.Set(c.header[i], c.header[i+1])
		}
		code, why := c.gate.Refuse(r, c.page)
		if code != c.want || (why == "") != (code == 0) {
			t.Errorf("%s: %d %q, want %d", c.name, code, why, c.want)
		}
	}
}
