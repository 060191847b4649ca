// Package gate keeps out what a foreign web site asks for. A browser on the machine of
// a reader sends requests for any page that it shows, also to what only that machine
// can reach. Most of their answers that page cannot read; but to ask may be enough, as
// for a trace that takes an hour.
package gate

import (
	"net/http"
	"slices"

	"github.com/tend-go/tend/internal/loopback"
	"github.com/tend-go/tend/internal/said"
)

// Gate says which requests may be answered. It trusts what browsers say, which is who
// it is about: it is no authentication.
type Gate struct {
	hosts []string // as loopback.Hostname has them
	cross *http.CrossOriginProtection
}

// New makes a gate for requests under loopback names and those of hosts, as in the
// Host header but without the port; "*" is any name.
func New(hosts ...string) *Gate {
	g := &Gate{cross: http.NewCrossOriginProtection()}
	for _, h := range hosts {
		g.hosts = append(g.hosts, loopback.Hostname(h))
	}
	return g
}

// Refuse returns status and text of the answer to a request that must not be
// answered; 0 if it may. page: it is for a page, to which other sites may link.
//
// The Host check is what stops DNS rebinding: a foreign name that suddenly
// resolves to 127.0.0.1 makes requests that are same-origin to the browser, so
// that all other checks must let them through, and their answers readable
// (GHSA-5gm3-9crp-6g3v is that hole in a process supervisor's API).
func (g *Gate) Refuse(r *http.Request, page bool) (code int, why string) {
	switch {
	case !g.knows(r.Host):
		return http.StatusMisdirectedRequest, "this is not served under the name " + said.Short(r.Host, 100)
	case isForeign(r) && !(page && isVisit(r)):
		return http.StatusForbidden, "another site asks for this; open it by its address"
	}
	if err := g.cross.Check(r); err != nil {
		return http.StatusForbidden, err.Error()
	}
	return 0, ""
}

// knows: host, as in a Host header, is one to answer under.
func (g *Gate) knows(host string) bool {
	return loopback.IsHost(host) || slices.Contains(g.hosts, "*") || slices.Contains(g.hosts, loopback.Hostname(host))
}

// isForeign: a browser says that a page of another origin has caused the request. To
// be of the same site is not enough: localhost is one for all its ports. Browsers say
// it where they trust the connection, which they do that to localhost.
func isForeign(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
		return false
	default:
		return true
	}
}

// isVisit: somebody follows a link, and looks at what comes.
func isVisit(r *http.Request) bool {
	dest := r.Header.Get("Sec-Fetch-Dest")
	return r.Header.Get("Sec-Fetch-Mode") == "navigate" && (dest == "" || dest == "document") // and no frame
}
