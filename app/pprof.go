package app

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"strconv"
	"time"
)

// handleProfiles adds /debug/pprof/. It does not import net/http/pprof, because
// that adds itself to http.DefaultServeMux too: a program that serves that one to
// the world would show its insides to the world by importing this package. It
// is what `go tool pprof` and `go tool trace` ask for; not the command line,
// which may hold secrets, and no differences of profiles.
func handleProfiles(mux *http.ServeMux) {
	mux.Handle("/debug/pprof/{$}", forGet(listProfiles))
	mux.Handle("/debug/pprof/{name}", forGet(writeProfile))
	mux.Handle("/debug/pprof/profile", forGet(record("profile", pprof.StartCPUProfile, pprof.StopCPUProfile)))
	mux.Handle("/debug/pprof/trace", forGet(record("trace", trace.Start, trace.Stop)))
}

func listProfiles(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	for _, p := range pprof.Profiles() {
		fmt.Fprintf(w, "%s?debug=1\t%d\n", p.Name(), p.Count())
	}
	fmt.Fprint(w, "profile?seconds=30\ntrace?seconds=1\n")
}

// writeProfile answers with a profile: debug=1 or 2 as text, gc=1 after a garbage
// collection.
func writeProfile(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	p := pprof.Lookup(name)
	if p == nil {
		http.Error(w, fmt.Sprintf("there is no profile %q", name), http.StatusNotFound)
		return
	}
	if r.FormValue("seconds") != "" {
		http.Error(w, "differences of profiles are not offered here; fetch two", http.StatusBadRequest)
		return
	}
	debug, _ := strconv.Atoi(r.FormValue("debug"))
	if r.FormValue("gc") == "1" {
		runtime.GC()
	}
	head(w, name, debug > 0)
	_ = p.WriteTo(w, debug)
}

// record answers with what goes on for some seconds: as many as the request says,
// else those of net/http/pprof, 30 for a profile and 1 for a trace.
func record(name string, start func(io.Writer) error, stop func()) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		length := 30 * time.Second
		if name == "trace" {
			length = time.Second
		}
		if text := r.FormValue("seconds"); text != "" {
			n, err := strconv.ParseFloat(text, 64)
			if err != nil || !(n > 0 && n <= 3600) {
				http.Error(w, fmt.Sprintf("seconds is %q, not a number up to 3600", text), http.StatusBadRequest)
				return
			}
			length = time.Duration(n * float64(time.Second))
		}
		head(w, name, false)
		if err := start(w); err != nil { // one is being recorded already
			w.Header().Del("Content-Disposition")
			http.Error(w, err.Error(), http.StatusConflict)
			return
		}
		defer stop()
		pause(r.Context(), length)
	}
}

func head(w http.ResponseWriter, name string, text bool) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	if text {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		return
	}
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s"`, name))
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
