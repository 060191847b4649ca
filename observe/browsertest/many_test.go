package browsertest

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/tend-go/tend"
	"github.com/tend-go/tend/actor"
	"github.com/tend-go/tend/observe"
)

// timed makes the page note how long each of its drawings takes, layout included.
const timed = `
window.draws = [];
window.messages = 0;
const frame = window.requestAnimationFrame;
window.requestAnimationFrame = f => frame(t => {
	const begun = performance.now();
	f(t);
	document.body.getBoundingClientRect();
	draws.push(performance.now() - begun);
});
const parse = JSON.parse;
JSON.parse = text => { messages++; return parse(text) };`

// With 200 events a second (100 failures and as many starts) they are less than
// 1,000 elements, which is what keeps a drawing short. How long it takes is told and
// no reason to fail: on an idle machine it is less than a frame, 16 ms.
func TestTenThousandServicesAreFewElements(t *testing.T) {
	b := newTab(t)
	url := startZoo(t, "-n", "10000", "-failures", "100")
	b.do(chromedp.ActionFunc(script(timed)))
	b.look(1400, 860, "light")
	b.open(url)
	count := func(what string) {
		t.Helper()
		if n := eval[int](b, `document.querySelectorAll("*").length`); n >= 1000 {
			t.Errorf("%s: %d elements", what, n)
		}
	}
	tell := func(what string) {
		t.Helper()
		b.do(chromedp.Evaluate(`draws.length = messages = 0`, nil))
		b.wait(`draws.length >= 20 && messages >= 5`)
		took := eval[[]float64](b, "draws")
		slices.Sort(took)
		t.Logf("%s: drawing takes %.1f ms, nine of ten times less than %.1f ms; %d elements", what, took[len(took)/2], took[len(took)*9/10],
			eval[int](b, `document.querySelectorAll("*").length`))
	}
	b.wait(`document.querySelector("#live").textContent === "live"`)
	tell("at first")
	count("at first")
	b.picture("10k")

	b.keys("/")
	for _, c := range "game-" { // everything is found, and shown open
		b.keys(string(c))
	}
	b.wait(`document.querySelector("#rows").offsetHeight > 28 * 10000`)
	tell("all 10,000 found")
	b.keys(kb.Enter)
	b.do(chromedp.Evaluate(`document.querySelector("#tree").scrollTop = 150000`, nil))
	tell("scrolled")
	count("scrolled")
	b.look(2560, 4000, "light")
	tell("a large screen")
	count("a large screen")
	b.picture("10k-large")
}

func TestATabThatIsHiddenClosesItsStream(t *testing.T) {
	b := newTab(t)
	s := serve(t, quiet("root", idle("listener")), observe.Options{})
	b.open(s.URL)
	until(t, "the stream is open", func() bool { return s.streams() == 1 })
	b.do(chromedp.Evaluate(`
		Object.defineProperty(document, "hidden", {configurable: true, get: () => true});
		document.dispatchEvent(new Event("visibilitychange"))`, nil))
	until(t, "the stream is closed", func() bool { return s.streams() == 0 })
	b.do(chromedp.Evaluate(`delete document.hidden; document.dispatchEvent(new Event("visibilitychange"))`, nil))
	until(t, "the stream is open again", func() bool { return s.streams() == 1 })
	b.wait(`document.querySelector("#live").textContent === "live"`)
}

// Of 100,000 services; what is not in the page the server finds.
func TestOfALargeTreeThePageFetchesWhatItShows(t *testing.T) {
	b := newTab(t)
	root := quiet("root")
	for g := range 20 {
		group := tend.New(fmt.Sprintf("group-%02d", g), tend.Spec{})
		for i := range 5000 {
			group.Add(idle(fmt.Sprintf("game-%02d-%04d", g, i)))
		}
		root.Add(group)
	}
	p := observe.Handler(root, observe.Options{ // not served: 100,000 that are pending will do
		Allow: func(*http.Request, observe.Action, tend.ServiceStatus) error { return nil },
	})
	t.Cleanup(p.Close)
	s := newServer(t, p)
	t.Cleanup(p.Close)
	b.open(s.URL)
	b.wait(`document.querySelector("#live").textContent === "live"`)
	b.wait(`[...document.querySelectorAll("#chips b")].some(e => e.innerText === "100,020")`)
	if loaded := eval[int](b, "nodes.size"); loaded > 20_000 {
		t.Errorf("%d services are in the page", loaded)
	}
	b.click(row("group-19") + ".el")
	b.do(chromedp.Focus("#tree"))
	b.keys(kb.ArrowRight)
	b.wait(row("game-19-0003"))
	b.keys("/")
	for _, c := range "10-4321" { // which is not in the page
		b.keys(string(c))
	}
	b.wait(row("game-10-4321"))
	b.wait(row("group-10"))
	b.keys(kb.Enter, kb.Enter)
	b.wait(row("game-10-4321") + "?.selected")
	if got := b.names(); !slices.Equal(got, []string{"root", "group-10", "game-10-4321"}) {
		t.Errorf("found %q", got)
	}
	b.click(`[...document.querySelectorAll("#node .acts button")].find(e => e.innerText === "Mark")`)
	b.wait(row("game-10-4321") + `.el.ariaChecked === "true"`)
	b.wait(`[...marked.values()].map(m => m.path).join() === "root/group-10/game-10-4321"`)
	if n := eval[int](b, `document.querySelectorAll("*").length`); n >= 1000 {
		t.Errorf("%d elements", n)
	}
	b.keys("/")
	for range "10-4321" {
		b.keys(kb.Backspace)
	}
	for _, c := range "game" { // more than are shown
		b.keys(string(c))
	}
	b.wait(row("game-00-0000"))
	b.keys(kb.Enter, kb.End)
	b.wait(row("1,000 of 100,000 found"))
	b.wait(row("game-00-0999"))
	b.click(row("1,000 of 100,000 found") + ".el") // there is nothing behind it
	b.choose("sort", "age")
	b.wait(`list.length === 1001 && list.at(-1).r.n === "1,000 of 100,000 found"`)
	b.do(chromedp.Evaluate(`document.querySelector("#tree").scrollTop = 1e6`, nil))
	b.wait(row("1,000 of 100,000 found"))
	b.choose("sort", "tree")
	b.wait(row("root"))
	root.Add(idle("a-late-comer"))
	far := eval[int](b, "detail.id")
	b.keys(kb.Escape, kb.Escape, kb.Escape)
	b.wait(`location.search === "?sort=tree" && selected === null && !found`)
	b.do(chromedp.Evaluate(fmt.Sprintf(`log([{t: 1, w: "failed", k: "service_failed", n: "x", i: %d, f: 1, p: ""}]); soon()`, far), nil))
	b.click(`document.querySelector("#log button")`)
	b.wait(fmt.Sprintf(`location.search === "?sort=tree&path=root%%2Fgroup-10%%2Fgame-10-4321&id=%d"`, far))
	b.wait(`[...document.querySelectorAll("#chips b")].some(e => e.innerText === "100,021")`)
	b.do(chromedp.Focus("#tree"))
	b.keys(kb.End)
	b.wait(row("a-late-comer"))
	if p := b.trouble(); len(p) > 0 {
		t.Error(p)
	}
}

// A link to a service that is not among the first 20,000, and that no branch brings, leads to
// it, also when the program has been started again and it has another number.
func TestALinkToWhatIsNotInThePage(t *testing.T) {
	b := newTab(t)
	h := &switchable{}
	program := func(more int) {
		root := quiet("root")
		for i := range 20_050 + more {
			root.Add(idle(fmt.Sprintf("s%05d", i-more)))
		}
		h.set(observe.Handler(root, observe.Options{}))
	}
	program(0)
	s := newServer(t, h)
	t.Cleanup(func() { h.set(nil) })
	b.open(s.URL + "?path=root%2Fs20040")
	b.wait(`document.querySelector("#node p")?.innerText === "root/s20040"`)
	b.wait(`document.querySelector("#node h2")?.innerText === "s20040" && location.search.startsWith("?path=root%2Fs20040&id=")`)
	b.wait(`document.querySelector("#live").textContent === "live"`)
	before := eval[int](b, "selected")
	program(1)
	s.CloseClientConnections()
	b.wait(fmt.Sprintf(`selected !== null && selected !== %d`, before))
	b.wait(`document.querySelector("#node p")?.innerText === "root/s20040"`)
	b.open(s.URL + "?path=root%2Fgone")
	b.wait(`document.querySelector("#node").innerText === "root/gone is not there."`)
}

// Members of a group that have no row are not searched for, so a tree is all in the page
// without them.
func TestWhatHasNoRowIsNotMissing(t *testing.T) {
	b := newTab(t)
	members := actor.NewGroup("members", actor.GroupSpec[int, int]{New: func(context.Context, *actor.Actor[int], int) (actor.Handler[int], error) {
		return actor.Func[int](func(context.Context, int) error { return nil }), nil
	}})
	const more = 50
	for i := range 1000 + more {
		if err := members.To(i).Send(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
	}
	s := serve(t, quiet("root", members, idle("listener")), observe.Options{})
	b.open(s.URL)
	b.wait(fmt.Sprintf(`below(root) === %d && nodes.size === 1003`, 1000+more+2))
	b.keys("/", "l", "i", "s", "t")
	b.wait(row("members") + " === null")
	if got := b.names(); !slices.Equal(got, []string{"root", "listener"}) {
		t.Errorf("found %q", got)
	}
	if searches := slices.DeleteFunc(s.log(), func(a string) bool { return !strings.Contains(a, "/api/view") }); len(searches) > 0 {
		t.Errorf("the server was asked to search: %q", searches)
	}
}

// script runs before those of the page.
func script(js string) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		_, err := page.AddScriptToEvaluateOnNewDocument(js).Do(ctx)
		return err
	}
}
