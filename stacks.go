package tend

import (
	"bytes"
	"fmt"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"time"
)

// Limits of looking up goroutines, which stops the program for a moment: about
// 9 µs for each goroutine that there is.
const (
	maxGoroutines = 100_000
	stacksKept    = time.Second // a profile serves everybody who asks in this time
	maxStacks     = 64 << 10    // bytes of one service
)

// stackFinder finds the stacks of a service's goroutines by their pprof label.
// The one of the root of a tree serves the whole tree.
type stackFinder struct {
	mu      sync.Mutex
	asked   []stackQuestion
	running bool

	// Of the goroutine that is looking.
	taken   time.Time
	profile map[string]string // stacks by the label "service"
	problem string            // why there is no profile
}

type stackQuestion struct {
	label  string
	answer func(stacks string)
}

// say answers without looking.
func (f *stackFinder) say(answer func(string), word string) { go answer(word) }

// find calls answer, on another goroutine, with the stacks of the goroutines that
// have the label, or with a word why there are none.
func (f *stackFinder) find(c *clock, label string, answer func(string)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, stackQuestion{label, answer})
	if !f.running {
		f.running = true
		go f.look(c)
	}
}

// look answers questions until there are none.
func (f *stackFinder) look(c *clock) {
	for {
		f.mu.Lock()
		asked := f.asked
		f.asked = nil
		f.running = len(asked) > 0
		f.mu.Unlock()
		if len(asked) == 0 {
			return
		}
		f.refresh(c.Now())
		for _, q := range asked {
			q.answer(f.of(q.label))
		}
	}
}

// refresh takes a new profile if the last one is old.
func (f *stackFinder) refresh(now time.Time) {
	if age := now.Sub(f.taken); f.profile != nil && 0 <= age && age < stacksKept {
		return
	}
	f.taken = now
	f.profile, f.problem = map[string]string{}, ""
	if n := runtime.NumGoroutine(); n > maxGoroutines {
		f.problem = fmt.Sprintf("not looked up: the program has %d goroutines, more than %d", n, maxGoroutines)
		return
	}
	var text bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&text, 1); err != nil {
		f.problem = "not looked up: " + err.Error()
		return
	}
	f.profile = stacksByService(text.String())
}

func (f *stackFinder) of(label string) string {
	if stacks, ok := f.profile[label]; ok {
		return stacks
	}
	if f.problem != "" {
		return f.problem
	}
	return "no goroutine with its label was found"
}

// stacksByService sorts a goroutine profile in its text form by the label
// "service". A record there is a line "count @ addresses", one "# labels: {…}" if
// there are any, a line for each function, and an empty line.
func stacksByService(profile string) map[string]string {
	found := map[string]string{}
	_, profile, _ = strings.Cut(profile, "\n") // the title
	for record := range strings.SplitSeq(profile, "\n\n") {
		head, rest, _ := strings.Cut(record, "\n")
		labels, frames, ok := strings.Cut(rest, "\n")
		labels, isLabels := strings.CutPrefix(labels, "# labels: ")
		if !ok || !isLabels {
			continue
		}
		service, ok := labelOf(labels, "service")
		if !ok || len(found[service]) > maxStacks {
			continue
		}
		count, _, _ := strings.Cut(head, " ")
		found[service] += stackText(count, frames)
	}
	return found
}

// labelOf finds a label in a text like {"key":"value", "key":"value"}.
func labelOf(labels, key string) (string, bool) {
	_, rest, ok := strings.Cut(labels, fmt.Sprintf("%q:", key))
	if !ok {
		return "", false
	}
	var value string
	_, err := fmt.Sscanf(rest, "%q", &value)
	return value, err == nil
}

// stackText makes readable what a profile says of count goroutines:
// "#	0x47b5c2	time.Sleep+0x142	/go/src/runtime/time.go:363" for each function.
func stackText(count, frames string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s goroutine(s):\n", count)
	for line := range strings.SplitSeq(frames, "\n") {
		fields := strings.Fields(line) // #, address, function, file:line; of them only the last may have spaces
		if len(fields) < 4 {
			continue
		}
		function, _, _ := strings.Cut(fields[2], "+0x")
		fmt.Fprintf(&b, "%s\n\t%s\n", function, strings.Join(fields[3:], " "))
	}
	return b.String()
}
