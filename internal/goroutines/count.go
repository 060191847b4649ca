package goroutines

import (
	"bytes"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
)

// Count returns how many goroutines have each value of the pprof label key. It costs
// what Find does, and is bounded as that is.
func Count(key string) (map[string]int, error) { return count(key, maxGoroutines) }

func count(key string, limit int) (map[string]int, error) {
	if err := check(runtime.NumGoroutine(), limit); err != nil {
		return nil, err
	}
	c := &counter{key: key, counts: map[string]int{}}
	if err := pprof.Lookup("goroutine").WriteTo(c, 1); err != nil {
		return nil, err
	}
	return c.counts, nil
}

// counter is written a goroutine profile in its text form, as a filter is, and counts.
type counter struct {
	key    string
	counts map[string]int

	line []byte // begun
	size int    // goroutines of this block
}

func (c *counter) Write(data []byte) (int, error) {
	n := len(data)
	for {
		line, rest, found := bytes.Cut(data, []byte("\n"))
		c.line = append(c.line, line...)
		if !found {
			return n, nil
		}
		c.add(string(c.line))
		c.line, data = c.line[:0], rest
	}
}

// add takes one whole line.
func (c *counter) add(line string) {
	labels, are := strings.CutPrefix(line, "# labels: ")
	switch {
	case are:
		if value, ok := labelValue(labels, c.key); ok {
			c.counts[value] += c.size
		}
	case !strings.HasPrefix(line, "#"):
		size, _, _ := strings.Cut(line, " @ ")
		c.size, _ = strconv.Atoi(size) // 0: no first line of a block
	}
}
