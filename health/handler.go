package health

import (
	"encoding/json"
	"net/http"
)

// Handler answers like /livez and /readyz, depending on kind: 200 if all is well
// or there are only warnings, 503 if not, or if the Monitor is not being served,
// because what it knows gets old then. The body is an application/health+json
// document; see [Monitor.Snapshot] for what counts, [Config].Tree for what else
// does. No check is run by a request, and one without details costs the same
// however many probes there are.
//
// Names, errors and details are only in the answer if verbose says that the
// client may see them; nil says so to nobody.
func (m *Monitor) Handler(kind Kind, verbose func(*http.Request) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "health: only GET and HEAD", http.StatusMethodNotAllowed)
			return
		}
		report, served := m.brief(kind)
		if verbose != nil && verbose(r) {
			report = m.Snapshot(kind)
		} else {
			report.Tree = nil
		}
		if !served {
			report.Status = GradeFail
			report.Output = "the health monitor is not running"
		}
		writeReport(w, report)
	})
}

func writeReport(w http.ResponseWriter, report Report) {
	body, err := json.Marshal(report)
	if err != nil { // cannot be: all of it is plain
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
