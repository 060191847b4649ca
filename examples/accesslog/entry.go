package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// entry is one request, as a line in common or combined format tells it.
type entry struct {
	host    string
	user    string // "-" if nobody logged in
	time    time.Time
	request string // with its escapes, "GET / HTTP/1.1"; anything a client may send
	status  int
	bytes   int64
	referer string // this and agent are empty in common format
	agent   string
}

// parse reads one line. It is written the way such parsers often are: it trusts
// what it reads, and panics when that is not a line of an access log. What to do
// about it is not decided here; the tree that parse runs in restarts the parser,
// and the queue that the line came from remembers the line.
func parse(text string) entry {
	c := cursor{text}
	e := entry{
		host: c.word(),
		user: c.ident(),
		time: c.time(),
	}
	e.request = c.quoted()
	c.skip(" ")
	e.status = c.number(100, 599)
	e.bytes = c.size()
	if c.rest != "" { // combined format
		c.skip(" ")
		e.referer = c.quoted()
		c.skip(" ")
		e.agent = c.quoted()
	}
	if c.rest != "" {
		panic(fmt.Sprintf("%d bytes too many", len(c.rest)))
	}
	return e
}

// stamp is the layout of the time in a log.
const stamp = "02/Jan/2006:15:04:05 -0700"

// cursor is what has not been parsed yet.
type cursor struct{ rest string }

// until returns what stands before sep and goes on behind it.
func (c *cursor) until(sep string) string {
	i := strings.Index(c.rest, sep)
	before := c.rest[:i] // panics if sep is not there
	c.rest = c.rest[i+len(sep):]
	return before
}

func (c *cursor) skip(text string) {
	if before := c.until(text); before != "" {
		panic(fmt.Sprintf("%q where %q was expected", before, text))
	}
}

func (c *cursor) word() string {
	w := c.until(" ")
	_ = w[0] // panics if it is empty
	return w
}

// ident is the identd field, which nobody has used for decades, and the user,
// whose name may have spaces in it.
func (c *cursor) ident() string {
	c.word()
	return c.until(" [")
}

func (c *cursor) time() time.Time {
	t, err := time.Parse(stamp, c.until("] "))
	if err != nil {
		panic(err)
	}
	return t
}

// quoted is what stands between two quotes; a quote within it has a backslash.
func (c *cursor) quoted() string {
	c.skip(`"`)
	i := 0
	for c.rest[i] != '"' { // panics if there is no second one
		if c.rest[i] == '\\' {
			i++
		}
		i++
	}
	q := c.rest[:i]
	c.rest = c.rest[i+1:]
	return q
}

func (c *cursor) number(least, most int) int {
	n, err := strconv.Atoi(c.word())
	if err != nil {
		panic(err)
	}
	if n < least || n > most {
		panic(fmt.Sprintf("%d is not within %d and %d", n, least, most))
	}
	return n
}

// size is the last field in common format; "-" says that no body was sent.
func (c *cursor) size() int64 {
	field := c.rest
	if i := strings.IndexByte(field, ' '); i >= 0 {
		field = field[:i]
	}
	c.rest = c.rest[len(field):]
	if field == "-" {
		return 0
	}
	n, err := strconv.ParseUint(field, 10, 63)
	if err != nil {
		panic(err)
	}
	return int64(n)
}

// methods are those that are counted by their name.
var methods = map[string]bool{
	"GET": true, "HEAD": true, "POST": true, "PUT": true, "PATCH": true,
	"DELETE": true, "OPTIONS": true, "TRACE": true, "CONNECT": true,
}

// target is the method and path that the request asks for, without its query; "-" if the
// request is not HTTP.
func (e entry) target() (method, path string) {
	fields := strings.Split(e.request, " ")
	if len(fields) != 3 || !methods[fields[0]] || !strings.HasPrefix(fields[2], "HTTP/") {
		return "-", "-"
	}
	path, _, _ = strings.Cut(fields[1], "?")
	return fields[0], path
}
