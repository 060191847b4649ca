package app

import (
	"fmt"
	"html"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// ownPaths are those that Options.Handlers cannot have, and what is there.
var ownPaths = []struct{ path, what string }{
	{"/debug/tree/", "the tree of services"},
	{"/debug/pprof/", "profiles, traces, goroutines"},
	{"/readyz", "whether the program is ready"},
	{"/livez", "whether it is alive"},
}

// pathOf is the path of a pattern of [http.ServeMux]; empty if it has none.
func pathOf(pattern string) string {
	if i := strings.IndexByte(pattern, '/'); i >= 0 {
		return pattern[i:]
	}
	return ""
}

func isRoot(pattern string) bool { return pathOf(pattern) == "/" || pathOf(pattern) == "/{$}" }

// isOwn: a pattern is for something that this package answers. A mux would take it, and
// one of the two would never be asked.
func isOwn(pattern string) bool {
	path := pathOf(pattern)
	return slices.ContainsFunc(ownPaths, func(own struct{ path, what string }) bool {
		return path == own.path || strings.HasSuffix(own.path, "/") && strings.HasPrefix(path+"/", own.path)
	})
}

// descriptionOf says what is at a path of Options.Handlers, as far as one can guess.
func descriptionOf(path string) string {
	if path == "/metrics" {
		return "metrics"
	}
	return "the program's own"
}

// index says what the debug listener has.
func index(handlers map[string]http.Handler) http.HandlerFunc {
	var b strings.Builder
	b.WriteString("<!DOCTYPE html><title>debug</title><ul>\n")
	entry := func(path, what string) {
		path = html.EscapeString(path)
		fmt.Fprintf(&b, "<li><a href=\"%s\">%s</a> %s</li>\n", path, path, what)
	}
	for _, own := range ownPaths {
		entry(own.path, own.what)
	}
	for _, pattern := range slices.Sorted(maps.Keys(handlers)) {
		if path := pathOf(pattern); path != "" && !strings.Contains(path, "{") {
			entry(path, descriptionOf(path))
		}
	}
	b.WriteString("</ul>\n")
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write([]byte(b.String()))
	}
}
