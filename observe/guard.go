package observe

import (
	"net/http"
	"slices"

	"github.com/tend-go/tend/internal/loopback"
	"github.com/tend-go/tend/internal/said"
)

// guard refuses requests that a foreign web site could have caused, and sets the
// headers that keep the page from doing anything but what it is for.
type guard struct {
	hosts []string // as loopback.Hostname has them
	cross *http.CrossOriginProtection
}

func newGuard(hosts []string) *guard {
	g := &guard{cross: http.NewCrossOriginProtection()}
	for _, h := range hosts {
		g.hosts = append(g.hosts, loopback.Hostname(h))
	}
	return g
}

// admit says whether r may be answered; if not, it has answered.
//
// The Host check is what stops DNS rebinding: a foreign name that suddenly
// resolves to 127.0.0.1 makes requests that are same-origin to the browser, so
// that [http.CrossOriginProtection] must let them through, and their answers
// readable (GHSA-5gm3-9crp-6g3v is that hole in a process supervisor's API).
func (g *guard) admit(w http.ResponseWriter, r *http.Request) bool {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	if !g.known(r.Host) {
		http.Error(w, "observe: this page is not served under the name "+said.Short(r.Host, 100)+
			"; see Options.Hosts", http.StatusMisdirectedRequest)
		return false
	}
	if err := g.cross.Check(r); err != nil {
		http.Error(w, "observe: "+err.Error(), http.StatusForbidden)
		return false
	}
	return true
}

// known: host, as in a Host header, is one to answer under.
func (g *guard) known(host string) bool {
	return loopback.IsHost(host) || slices.Contains(g.hosts, "*") || slices.Contains(g.hosts, loopback.Hostname(host))
}
