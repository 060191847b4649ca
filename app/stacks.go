package app

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/tend-go/tend"
)

// hung is a service that is starting or stopping, or that is on the books because
// it did not stop.
type hung struct {
	token  tend.ServiceToken
	title  string
	stacks string // of when it was given up on
}

// printHung writes where services hang. What has been told, with the events of the tree,
// need not be told again.
func printHung(w io.Writer, root *tend.Supervisor, list []hung, told bool) {
	for _, h := range list {
		fmt.Fprintf(w, "\n%s\n", h.title)
		where := h.where(root)
		if told && where == h.stacks {
			where = `where it hangs is in the log, at "service stuck"`
		}
		for line := range strings.Lines(strings.TrimRight(where, "\n") + "\n") {
			fmt.Fprint(w, "    ", line)
		}
	}
}

// where is where it hangs now, or hung when it was seen last.
func (h hung) where(root *tend.Supervisor) string {
	stacks, err := root.Stacks(h.token)
	if err != nil {
		return cmp.Or(h.stacks, err.Error())
	}
	return stacks
}

// hanging are those who did not stop, and then who else hangs in the tree.
func hanging(s tend.Status, unstopped []tend.ServiceStuck) (list []hung) {
	booked := map[tend.ServiceToken]bool{}
	for _, u := range unstopped {
		booked[u.Token] = true
		asked := u.Time.Add(-u.Waited)
		title := fmt.Sprintf("%s did not stop, asked %s: %s", u.Path(), asked.Format(time.TimeOnly), u.Cause.Error())
		list = append(list, hung{u.Token, title, u.Stacks})
	}
	for _, c := range s.All() {
		if booked[c.Token] || !isBetween(c.State) || !isLast(c) {
			continue
		}
		title := fmt.Sprintf("%s is %s since %s", c.Path, c.State, c.Since.Format(time.TimeOnly))
		if !c.Stopping.IsZero() {
			title += ": " + c.Stopping.Error()
		}
		list = append(list, hung{c.Token, title, ""})
	}
	return list
}

// isLast: there is nobody below it on whom it depends how it is.
func isLast(c *tend.ServiceStatus) bool { return c.IsLeaf() || !c.Supervisor.Serving }

// isBetween: it is on its way up or down.
func isBetween(s tend.State) bool {
	return s == tend.StateStarting || s == tend.StateStopping || s == tend.StateStuck
}
