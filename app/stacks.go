package app

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"runtime/pprof"
	"strings"

	"github.com/tend-go/tend"
)

// maxGoroutines is up to how many goroutines stacks are taken: that stops the
// program for about 9 µs each.
const maxGoroutines = 100_000

// printHung writes where the services hang that are starting or stopping, or
// that are on the books because they did not stop.
func printHung(w io.Writer, s tend.Status, unstopped []tend.Unstopped) {
	stacks, problem := stacksByService()
	booked := map[tend.ServiceToken]bool{}
	for _, u := range unstopped {
		booked[u.Token] = true
		now := stacks[u.Token.String()]
		if now == "" {
			now = u.Stacks // of when it was given up on
		}
		printStacks(w, fmt.Sprintf("%s did not stop, asked %s: %s", u.Path, u.Since.Format("15:04:05"), u.Cause), now)
	}
	for c := range services(s) {
		if booked[c.Token] || c.State != tend.StateStarting && c.State != tend.StateStopping && c.State != tend.StateStuck {
			continue
		}
		now := stacks[c.Token.String()]
		if now == "" {
			now = problem
		}
		title := fmt.Sprintf("%s is %s since %s", c.Path, c.State, c.Since.Format("15:04:05"))
		if c.Stopping != "" {
			title += ": " + c.Stopping
		}
		printStacks(w, title, now)
	}
}

func printStacks(w io.Writer, title, stacks string) {
	fmt.Fprintf(w, "\n%s\n", title)
	for line := range strings.Lines(strings.TrimRight(stacks, "\n") + "\n") {
		fmt.Fprint(w, "    ", line)
	}
}

// stacksByService is a goroutine profile sorted by the tokens of services, which are
// the end of the pprof label "service"; or why there is none.
func stacksByService() (stacks map[string]string, problem string) {
	if n := runtime.NumGoroutine(); n > maxGoroutines {
		return nil, fmt.Sprintf("not looked up: the program has %d goroutines, more than %d", n, maxGoroutines)
	}
	var text bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&text, 1); err != nil {
		return nil, "not looked up: " + err.Error()
	}
	return sortStacks(text.String()), "no goroutine with its label was found"
}

// sortStacks reads a goroutine profile in its text form. A record there is a line
// "count @ addresses", one "# labels: {…}" if there are any, a line "#", address,
// function, file for each function, and an empty line.
func sortStacks(profile string) map[string]string {
	found := map[string]string{}
	_, profile, _ = strings.Cut(profile, "\n") // the title
	for record := range strings.SplitSeq(profile, "\n\n") {
		head, rest, _ := strings.Cut(record, "\n")
		labels, frames, _ := strings.Cut(rest, "\n")
		token, ok := tokenIn(labels)
		if !ok {
			continue
		}
		count, _, _ := strings.Cut(head, " ")
		found[token] += readable(count, frames)
	}
	return found
}

// tokenIn finds the token in a line like # labels: {"service":"name#12", "key":"value"}.
func tokenIn(labels string) (string, bool) {
	_, rest, ok := strings.Cut(labels, `"service":`)
	if !ok || !strings.HasPrefix(labels, "# labels: ") {
		return "", false
	}
	var value string
	if _, err := fmt.Sscanf(rest, "%q", &value); err != nil {
		return "", false
	}
	i := strings.LastIndexByte(value, '#')
	return value[max(0, i):], i >= 0
}

// readable makes of the frames of count goroutines what a traceback looks like.
func readable(count, frames string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s goroutine(s):\n", count)
	for line := range strings.SplitSeq(frames, "\n") {
		fields := strings.Fields(line) // #, address, function, file:line; of them only the last may have spaces
		if len(fields) < 4 {
			continue
		}
		function, _, _ := strings.Cut(fields[2], "+0x")
		fmt.Fprintf(&b, "%s\n    %s\n", function, strings.Join(fields[3:], " "))
	}
	return b.String()
}
