package browsertest

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/observe"
)

// At any width the headings stay in the list, the last error is to be read, and no
// annotation crushes the pane.
func TestLayout(t *testing.T) {
	b := newTab(t)
	fail := make(chan error)
	noted := tend.Func("noted", func(ctx context.Context) error {
		tend.Annotate(ctx, slog.String(strings.Repeat("a-long-key-", 15), "its value"))
		select {
		case err := <-fail:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	s := serve(t, quiet("root", noted, idle("listener")), observe.Options{})
	b.open(s.URL)
	fail <- errors.New("disk is on fire")
	b.wait(row("noted") + `?.starts === "1"`)
	b.click(row("noted") + ".el")
	b.wait(`[...document.querySelectorAll("#node dd")].some(e => e.innerText === "its value")`)
	for _, width := range []int64{1400, 950, 900, 800, 761, 760, 390, 320} {
		b.look(width, 860, "light")
		for what, js := range map[string]string{
			"the headings are within the list": `(list => [...document.querySelectorAll("#head *")].every(e => e.getBoundingClientRect().right <= list.right + 1))(document.querySelector("main > section").getBoundingClientRect())`,
			"the last error is seen":           `(r => r.width > 150 && r.height > 10)(` + row("noted") + `.el.children[5].getBoundingClientRect())`,
			"rows do not overlap":              row("noted") + `.el.getBoundingClientRect().bottom <= ` + row("listener") + `.el.getBoundingClientRect().top + 1`,
			"there is room for values":         `[...document.querySelectorAll("#node dd")].every(e => e.clientWidth > 130)`,
			"the page fits":                    `document.documentElement.scrollWidth <= innerWidth`,
			"stack lines are not broken":       `getComputedStyle(document.querySelector("#node pre")).whiteSpace === "pre"`,
		} {
			t.Log(width, what)
			b.wait(js)
		}
	}
	b.look(2000, 860, "light")
	b.wait(`document.querySelector("aside").clientWidth > 600`) // it grows with the window
}
