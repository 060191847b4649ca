package app

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/goroutines"
)

// hung is a service that is starting or stopping, or that is on the books because
// it did not stop.
type hung struct {
	token  string
	title  string
	stacks string // of when it was given up on
}

// printHung writes where services hang.
func printHung(w io.Writer, s tend.Status, unstopped []tend.Unstopped) {
	list := hanging(s, unstopped)
	stacks, err := stacksOf(list)
	problem := "no goroutine with its label was found"
	if err != nil {
		problem = "not looked up: " + err.Error()
	}
	for _, h := range list {
		fmt.Fprintf(w, "\n%s\n", h.title)
		for line := range strings.Lines(strings.TrimRight(cmp.Or(stacks[h.token], h.stacks, problem), "\n") + "\n") {
			fmt.Fprint(w, "    ", line)
		}
	}
}

// hanging are those who did not stop, and then who else hangs in the tree.
func hanging(s tend.Status, unstopped []tend.Unstopped) (list []hung) {
	booked := map[tend.ServiceToken]bool{}
	for _, u := range unstopped {
		booked[u.Token] = true
		title := fmt.Sprintf("%s did not stop, asked %s: %s", u.Path, u.Since.Format(time.TimeOnly), u.Cause)
		list = append(list, hung{u.Token.String(), title, u.Stacks})
	}
	for c := range services(s) {
		if booked[c.Token] || c.State != tend.StateStarting && c.State != tend.StateStopping && c.State != tend.StateStuck {
			continue
		}
		title := fmt.Sprintf("%s is %s since %s", c.Path, c.State, c.Since.Format(time.TimeOnly))
		if c.Stopping != "" {
			title += ": " + c.Stopping
		}
		list = append(list, hung{c.Token.String(), title, ""})
	}
	return list
}

// stacksOf looks up where the goroutines of services are now, by token. They have
// the pprof label "service", which ends with that.
func stacksOf(list []hung) (map[string]string, error) {
	wanted := map[string]bool{}
	for _, h := range list {
		wanted[h.token] = true
	}
	if len(wanted) == 0 {
		return nil, nil
	}
	found, err := goroutines.Find("service", func(label string) bool { return wanted[tokenIn(label)] })
	stacks := make(map[string]string, len(found))
	for label, text := range found {
		stacks[tokenIn(label)] = text
	}
	return stacks, err
}

// tokenIn is the end of a label like name#12, from the last "#".
func tokenIn(label string) string { return label[max(0, strings.LastIndexByte(label, '#')):] }
