package observe

import (
	"bytes"
	"fmt"
	"net/http"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
)

// Bounds of a dump. Collecting 100,000 goroutines stops the world for some
// 100 ms; a page must not do that to a program.
const (
	maxGoroutines = 100_000
	maxDump       = 256 << 10 // bytes of text about one service
)

// serveGoroutines answers with the stacks that the goroutines of a service have
// now, as text. They are found by the label that the core gives them.
func (p *Page) serveGoroutines(w http.ResponseWriter, r *http.Request) {
	id, ok := nodeID(w, r)
	if !ok {
		return
	}
	if n := runtime.NumGoroutine(); n > p.maxGoroutines {
		http.Error(w, fmt.Sprintf("observe: with %d goroutines a dump would hold up the program too long", n), http.StatusServiceUnavailable)
		return
	}
	if !p.dumping.TryLock() {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "observe: another dump is under way; try again", http.StatusTooManyRequests)
		return
	}
	defer p.dumping.Unlock()

	f := &dumpFilter{id: strconv.FormatUint(id, 10)}
	if err := pprof.Lookup("goroutine").WriteTo(f, 1); err != nil {
		http.Error(w, "observe: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write(f.text())
}

// dumpFilter is written a goroutine profile in its text form (debug=1), which is
// blocks of lines with an empty line between them:
//
//	2 @ 0x47b8ee 0x415d2a
//	# labels: {"service":"db#17", "supervisor":"root"}
//	#	0x415d29	main.wait+0x29	/src/main.go:30
//
// It keeps the blocks of one service, so that of a profile of many megabytes only
// a little is ever in memory.
type dumpFilter struct {
	id      string // of the service's token
	line    []byte // begun
	count   string // goroutines of this block
	wanted  bool   // this block is of the service
	out     bytes.Buffer
	skipped int // blocks for which there was no room
}

func (f *dumpFilter) Write(data []byte) (int, error) {
	n := len(data)
	for {
		line, rest, found := bytes.Cut(data, []byte("\n"))
		f.line = append(f.line, line...)
		if !found {
			return n, nil
		}
		f.add(string(f.line))
		f.line, data = f.line[:0], rest
	}
}

// add takes one whole line.
func (f *dumpFilter) add(line string) {
	const labels = "# labels: "
	switch {
	case !strings.HasPrefix(line, "#"): // the first line of a block, or the empty one after
		f.wanted = false
		f.count, _, _ = strings.Cut(line, " @ ")
	case strings.HasPrefix(line, labels):
		service := labelValue(line[len(labels):], "service")
		at := strings.LastIndexByte(service, '#')
		f.wanted = at >= 0 && service[at+1:] == f.id
		if f.wanted && f.out.Len() > maxDump {
			f.wanted = false
			f.skipped++
		}
		if f.wanted {
			f.begin()
		}
	case f.wanted:
		f.frame(line)
	}
}

func (f *dumpFilter) begin() {
	if f.out.Len() > 0 {
		f.out.WriteByte('\n')
	}
	if f.count == "1" {
		f.out.WriteString("1 goroutine:\n")
	} else {
		fmt.Fprintf(&f.out, "%s goroutines:\n", f.count)
	}
}

// frame writes a line of a stack, "#\taddress\tfunction+offset\tfile:line", in
// the two lines that a panic would print.
func (f *dumpFilter) frame(line string) {
	fields := strings.FieldsFunc(line, func(r rune) bool { return r == '\t' })
	if len(fields) < 4 {
		f.out.WriteString(line + "\n")
		return
	}
	function := fields[2]
	if i := strings.LastIndex(function, "+0x"); i > 0 {
		function = function[:i]
	}
	fmt.Fprintf(&f.out, "%s\n    %s\n", function, strings.TrimSpace(fields[3]))
}

func (f *dumpFilter) text() []byte {
	switch {
	case f.out.Len() == 0:
		return []byte("No goroutine carries the label of this service: it does not run, or Spec.NoLabels is set.\n")
	case f.skipped > 0:
		fmt.Fprintf(&f.out, "\n… and %d more stacks\n", f.skipped)
	}
	return f.out.Bytes()
}

// labelValue is the value of a key in the labels of a profile, which are Go
// strings: {"service":"db#17", "supervisor":"root"}.
func labelValue(labels, key string) string {
	labels = strings.TrimPrefix(labels, "{")
	for {
		name, rest, ok := quoted(labels)
		if !ok {
			return ""
		}
		value, rest, ok := quoted(strings.TrimPrefix(rest, ":"))
		if !ok {
			return ""
		}
		if name == key {
			return value
		}
		labels = strings.TrimPrefix(rest, ", ")
	}
}

// quoted cuts a Go string literal off the front of s.
func quoted(s string) (value, rest string, ok bool) {
	literal, err := strconv.QuotedPrefix(s)
	if err != nil {
		return "", s, false
	}
	value, err = strconv.Unquote(literal)
	return value, s[len(literal):], err == nil
}
