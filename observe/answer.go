package observe

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// answer sends what write writes, compressed if the reader can read that.
func answer(w http.ResponseWriter, r *http.Request, contentType string, write func(io.Writer) error) {
	to := begin(w, contentType)
	if !acceptsGzip(r) {
		_ = write(to) // the reader is gone; there is nobody to tell
		return
	}
	w.Header().Set("Content-Encoding", "gzip")
	z := gzip.NewWriter(to)
	_ = write(z)
	_ = z.Close()
}

// begin sets the head of an answer, and returns where its body goes.
func begin(w http.ResponseWriter, contentType string) io.Writer {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Add("Vary", "Accept, Accept-Encoding, User-Agent")
	return &paced{to: w, control: http.NewResponseController(w), until: time.Now().Add(answerTimeout)}
}

// How long a reader may take, so that one that does not read holds what it asked for
// no longer than that.
const (
	answerTimeout = 2 * time.Minute // for a whole answer; and writeTimeout for each piece
	piece         = 32 << 10        // bytes
)

// paced writes in pieces, each with a deadline. A server that knows no deadlines has
// to do without.
type paced struct {
	to      io.Writer
	control *http.ResponseController
	until   time.Time // of the last deadline
}

func (p *paced) Write(b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		deadline := time.Now().Add(writeTimeout)
		if deadline.After(p.until) {
			deadline = p.until
		}
		_ = p.control.SetWriteDeadline(deadline)
		var m int
		m, err = p.to.Write(b[n:min(n+piece, len(b))])
		n += m
	}
	return n, err
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

// preference is how much a reader wants a type that its Accept names, 0 to 1.
func preference(r *http.Request, name string) float64 {
	for part := range strings.SplitSeq(r.Header.Get("Accept"), ",") {
		kind, parameters, err := mime.ParseMediaType(part)
		if err != nil || kind != name {
			continue
		}
		if q, has := parameters["q"]; has {
			weight, _ := strconv.ParseFloat(q, 64)
			return weight
		}
		return 1
	}
	return 0
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
	text, other := preference(r, "text/plain"), max(preference(r, "application/json"), preference(r, "text/html"))
	if text > 0 || other > 0 {
		return text > other
	}
	agent := r.UserAgent()
	return strings.HasPrefix(agent, "curl/") || strings.HasPrefix(agent, "Wget/")
}
