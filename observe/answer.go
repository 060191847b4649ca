package observe

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// answer sends what write writes, compressed if the reader can read that.
func answer(w http.ResponseWriter, r *http.Request, contentType string, write func(io.Writer) error) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Add("Vary", "Accept, Accept-Encoding, User-Agent")
	if !acceptsGzip(r) {
		_ = write(w) // the reader is gone; there is nobody to tell
		return
	}
	h.Set("Content-Encoding", "gzip")
	z := gzip.NewWriter(w)
	_ = write(z)
	_ = z.Close()
}

func answerJSON(w http.ResponseWriter, r *http.Request, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "observe: "+err.Error(), http.StatusInternalServerError)
		return
	}
	answer(w, r, "application/json; charset=utf-8", func(w io.Writer) error {
		_, err := w.Write(append(data, '\n'))
		return err
	})
}

func acceptsGzip(r *http.Request) bool {
	for coding := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, q, _ := strings.Cut(coding, ";")
		if strings.TrimSpace(name) == "gzip" {
			return strings.ReplaceAll(q, " ", "") != "q=0"
		}
	}
	return false
}

// wantsText: the reader asks for text, or is a person at a terminal, whose tool
// asks for anything.
func wantsText(r *http.Request) bool {
	switch r.URL.Query().Get("format") {
	case "text":
		return true
	case "json":
		return false
	}
	accept := r.Header.Get("Accept")
	switch {
	case strings.Contains(accept, "application/json"), strings.Contains(accept, "text/html"):
		return false
	case strings.Contains(accept, "text/plain"):
		return true
	}
	agent := r.UserAgent()
	return strings.HasPrefix(agent, "curl/") || strings.HasPrefix(agent, "Wget/")
}
