package health

import (
	"encoding/json"
	"net/http"
)

// Handler answers as /livez or /readyz, depending on kind: 200 if all is well or
// there are only warnings, else 503. While the Prober is not being served, what it
// knows gets old: that is 503, but for [Liveness] only a warning. The body is an
// application/health+json document. See [Prober.Snapshot] for what counts, and
// [TreeStatus] for what the tree adds; what that says is up to a second old. A request
// runs no check, and one without details costs the same however many probes there are.
//
// Names, errors and details are only in the answer if verbose says that the
// client may see them; nil says so to nobody.
func (p *Prober) Handler(kind Kind, verbose func(*http.Request) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, owner+": only GET and HEAD", http.StatusMethodNotAllowed)
			return
		}
		details := verbose != nil && verbose(r)
		report, served := p.report(kind, details)
		if !served {
			report.unserved()
		}
		p.judge(r.Context(), &report)
		if !details {
			report.Tree = nil
		}
		writeReport(w, report)
	})
}

func writeReport(w http.ResponseWriter, report Report) {
	body, err := json.Marshal(report)
	if err != nil { // cannot be: all that it holds is plain
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	status := http.StatusOK
	if report.Status == GradeFail {
		status = http.StatusServiceUnavailable
	}
	h := w.Header()
	h.Set("Content-Type", "application/health+json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that is gone is no concern
}
