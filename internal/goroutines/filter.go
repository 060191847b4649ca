package goroutines

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tend-go/tend/internal/said"
)

// filter is written a goroutine profile in its text form (debug=1), which is blocks
// of lines with an empty line between them:
//
//	2 @ 0x47b8ee 0x415d2a
//	# labels: {"service":"db#17", "supervisor":"root"}
//	#	0x415d29	main.wait+0x29	/src/main.go:30
//
// It keeps the blocks that are wanted.
type filter struct {
	key    string
	wanted func(value string) bool

	line   []byte // begun
	count  string // goroutines of this block
	value  string // of this block's label
	block  bytes.Buffer
	framed bool               // it has a frame
	held   string             // frames that are left out, if they are the last
	found  map[string]*stacks // by value
}

// stacks is what was found about one value.
type stacks struct {
	text    strings.Builder
	skipped int // blocks for which there was no room
}

func newFilter(key string, wanted func(string) bool) *filter {
	return &filter{key: key, wanted: wanted, found: map[string]*stacks{}}
}

func (f *filter) Write(data []byte) (int, error) {
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
func (f *filter) add(line string) {
	const labels = "# labels: "
	switch {
	case !strings.HasPrefix(line, "#"): // the first line of a block, or the empty one after
		f.keep()
		f.count, _, _ = strings.Cut(line, " @ ")
	case strings.HasPrefix(line, labels):
		value, ok := labelValue(line[len(labels):], f.key)
		if ok && f.wanted(value) {
			f.value = value
			f.begin()
		}
	case f.block.Len() > 0:
		f.frame(line)
	}
}

// begin begins the text of a block.
func (f *filter) begin() {
	if n, err := strconv.ParseUint(f.count, 10, 64); err == nil {
		f.count = said.Times(n, "goroutine")
	}
	f.block.WriteString(f.count + ":\n")
}

// frame writes a line of a stack, "#\taddress\tfunction+offset\tfile:line", in the
// two lines that a panic would print.
func (f *filter) frame(line string) {
	fields := strings.FieldsFunc(line, func(r rune) bool { return r == '\t' })
	if len(fields) < 4 {
		f.block.WriteString(line + "\n")
		return
	}
	function := fields[2]
	if i := strings.LastIndex(function, "+0x"); i > 0 {
		function = function[:i]
	}
	text := fmt.Sprintf("%s\n\t%s\n", function, strings.TrimSpace(fields[3]))
	if isCaller(function) {
		f.held += text
		return
	}
	f.block.WriteString(f.held + text)
	f.held, f.framed = "", true
}

// isCaller: the function stands between a service and the runtime, where it says nothing.
func isCaller(function string) bool {
	name, ok := strings.CutPrefix(function, "github.com/tend-go/tend.")
	return ok && slices.Contains(callers, name)
}

var callers = []string{"(*run).main", "(*run).help", "(*funcService).Serve", "Child.Serve", "(*Child).Serve"}

// keep ends a block, and adds it to what was found if it is wanted and there is room.
func (f *filter) keep() {
	if f.block.Len() == 0 {
		return
	}
	if !f.framed { // there is nothing else
		f.block.WriteString(f.held)
	}
	f.held, f.framed = "", false
	s := f.found[f.value]
	if s == nil {
		s = &stacks{}
		f.found[f.value] = s
	}
	switch {
	case s.skipped > 0, s.text.Len()+1+f.block.Len() > maxText:
		s.skipped++
	case s.text.Len() > 0:
		s.text.WriteByte('\n')
		fallthrough
	default:
		s.text.Write(f.block.Bytes())
	}
	f.block.Reset()
}

// texts is what was found. Nothing more is written after it.
func (f *filter) texts() map[string]string {
	f.keep() // the last block has no empty line after it
	texts := make(map[string]string, len(f.found))
	for value, s := range f.found {
		if s.skipped > 0 {
			fmt.Fprintf(&s.text, "\n… and %s\n", said.Times(s.skipped, "more stack"))
		}
		texts[value] = s.text.String()
	}
	return texts
}

// labelValue is the value of a key in the labels of a profile, which are Go strings:
// {"service":"db#17", "supervisor":"root"}.
func labelValue(labels, key string) (string, bool) {
	labels = strings.TrimPrefix(labels, "{")
	for {
		name, rest, ok := quoted(labels)
		if !ok {
			return "", false
		}
		value, rest, ok := quoted(strings.TrimPrefix(rest, ":"))
		if !ok || name == key {
			return value, ok
		}
		labels = strings.TrimPrefix(rest, ", ")
	}
}

// quoted cuts a Go string literal off the front of s.
func quoted(s string) (value, rest string, ok bool) {
	literal, _ := strconv.QuotedPrefix(s) // of what is none it is empty, which is none either
	value, err := strconv.Unquote(literal)
	return value, s[len(literal):], err == nil
}
