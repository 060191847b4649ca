package browsertest

import (
	"context"
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/observe"
)

// A supervisor that comes again has its services, which are the ones that they were.
func TestASupervisorThatComesAgain(t *testing.T) {
	b := newTab(t)
	root, group := quiet("root"), quiet("group", quiet("inner", idle("a")), idle("b"))
	token := root.Add(group)
	s := serve(t, root, observe.Options{})
	b.open(s.URL)
	b.wait(`document.querySelector("#live").textContent === "live"`)
	b.do(chromedp.Evaluate(`window.old = root.kids[0].r.i; disconnect()`, nil))
	if err := root.RemoveAndWait(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	root.Add(group)
	b.do(chromedp.Evaluate(`connect()`, nil))
	b.wait(`root.kids.length === 1 && root.kids[0].r.i !== old`)
	b.wait(`root.kids[0].kids.map(n => path(n) + (n.up === root.kids[0])).join() === "root/group/innertrue,root/group/btrue"`)
	b.wait(`root.kids[0].kids[0].kids.map(path).join() === "root/group/inner/a" && nodes.size === 5`)
}

// What is marked is acted on whatever its path is: of a page of a part of the tree, and below a
// supervisor that its service has not declared. The lines of the log lead to both.
func TestPathsAreThoseOfTheTree(t *testing.T) {
	b := newTab(t)
	inner := quiet("in/ner", idle("a"))
	shown := quiet("shown", tend.Func("serves", func(ctx context.Context) error { return inner.Serve(ctx) }), idle("b"))
	root := quiet("root", shown)
	p := observe.Handler(shown, observe.Options{Allow: func(*http.Request, observe.Action, tend.ServiceStatus) error { return nil }})
	done := root.ServeBackground(t.Context())
	t.Cleanup(func() {
		root.Stop()
		<-done
	})
	until(t, "all run", func() bool { return shown.Status().AllRunning() == nil && inner.Status().AllRunning() == nil })
	s := newServer(t, p)
	t.Cleanup(p.Close) // before the server waits for its streams
	b.open(s.URL)
	b.wait(`document.querySelector("#live").textContent === "live"`)
	b.wait(`[...nodes.values()].map(path).join() === "root/shown,root/shown/serves,root/shown/serves/in%2Fner/a,root/shown/b"`)
	b.do(chromedp.Evaluate(`window.confirm = () => true`, nil), chromedp.Evaluate(`for (const n of nodes.values()) n.open = true; changed()`, nil), chromedp.Focus("#tree"))
	b.keys(kb.Home, kb.ArrowDown, kb.ArrowDown, " ", kb.ArrowDown, " ")
	b.wait(`document.querySelector("#marks b")?.innerText === "2 marked"`)
	b.click(`[...document.querySelectorAll("#marks button")].find(e => e.innerText === "Restart")`)
	b.wait(`document.querySelector("#marks p")?.innerText === "2 of 2: restart requested"`)
	b.wait(`seek("root/shown/serves/in%2Fner") === nodes.get(root.kids[0].r.i)`)
}
