package browsertest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/tend-go/tend"
	"github.com/tend-go/tend/observe"
)

// choose picks an option as a person does, by its value.
func (b *tab) choose(id, value string) {
	b.Helper()
	b.do(chromedp.Evaluate(fmt.Sprintf(`(e => { e.value = %q; e.dispatchEvent(new Event("change")) })(document.getElementById(%q))`, value, id), nil))
}

// What is in trouble, the worst first; the title and the icon say that there is some.
func TestInTrouble(t *testing.T) {
	b := newTab(t)
	fail, wait := make(chan error), make(chan error)
	slow := fragile("waits", wait).(tend.Child)
	slow.Limit, slow.Backoff = tend.Limit{}, tend.Backoff{Min: patience * 10}
	s := serve(t, quiet("root", idle("listener"), slow, group("web", fragile("handler", fail))), observe.Options{Title: "shop"})
	b.open(s.URL)
	b.wait(`document.querySelector("#live").textContent === "live" && document.title === "shop"`)
	calm := eval[string](b, `document.querySelector("link").href`)
	wait <- errors.New("no route")
	fail <- errors.New("first")
	fail <- errors.New("second")
	b.wait(`document.title === "(2) shop"`)
	b.wait(`document.querySelector("link").href.includes("c5221f")`)
	b.keys("t")
	b.wait(`document.querySelector("#chips [data-s=trouble]").ariaPressed === "true" && location.search === "?state=trouble"`)
	b.wait(row("listener") + " === null")
	if got := b.names(); !slices.Equal(got, []string{"handler", "waits"}) {
		t.Errorf("in trouble are %q", got)
	}
	b.wait(`document.querySelector("#sort").value === "worst"`)
	b.wait(row("handler") + `?.name === "handler" && ` + row("handler") + `.el.querySelector(".name").dataset.n === "in root/web"`)
	b.wait(`/^\d+s$/.test(` + row("handler") + `.el.children[5].dataset.t)`)
	b.wait(row("handler") + `.el.children[5].classList.contains("fresh")`)
	b.do(chromedp.Evaluate(`skew += 2 * 36e5; soon()`, nil))
	b.wait(`!` + row("handler") + `.el.children[5].classList.contains("fresh")`)
	b.wait(`document.querySelector("#program").innerText.includes(", 3 in the hour")`)
	b.keys(kb.Escape)
	b.wait(`document.querySelector("#sort").value === "tree"`)
	if calm == "" || strings.Contains(calm, "c5221f") {
		t.Errorf("the icon of a tree that is well is %q", calm)
	}
}

// In a list that is sorted, and so is flat, nothing opens: a click anywhere on a line selects,
// and so it does on one in the tree that cannot be opened.
func TestAClickInAFlatListSelects(t *testing.T) {
	b := newTab(t)
	fail := make(chan error)
	sick := fragile("handler", fail).(tend.Child)
	sick.Limit, sick.Backoff = tend.Limit{}, tend.Backoff{Min: patience * 10}
	s := serve(t, quiet("root", group("web", group("inner", sick, idle("calm")))), observe.Options{})
	b.look(2000, 860, "light") // the line of the program does not break while something below is clicked on
	b.open(s.URL)
	b.wait(`document.querySelector("#live").textContent === "live"`)
	fail <- errors.New("no route")
	click := func(name, at string) {
		t.Helper()
		b.wait(row(name))
		p := eval[[]float64](b, `(({el}) => [el.`+at+`, el.getBoundingClientRect().top + 10])(`+row(name)+`)`)
		b.do(chromedp.MouseClickXY(p[0], p[1]))
		b.wait(row(name) + "?.selected")
	}
	const name, left = `querySelector("bdi").getBoundingClientRect().left + 5`, `getBoundingClientRect().left + 5`
	click("calm", left)
	b.wait(row("handler") + `?.state.startsWith("in ")`)
	b.click(`document.querySelector("#chips [data-s=trouble]")`)
	b.wait(row("root") + " === null")
	click("handler", name)
	b.keys(kb.Escape)
	b.wait(row("root"))
	b.click(`document.querySelector("#head [data-by=age]")`)
	b.wait(row("root") + " === null")
	click("calm", name)
	click("inner", left)
}

// Each order, and that a link has it.
func TestSort(t *testing.T) {
	b := newTab(t)
	fail, often := make(chan error), make(chan error)
	s := serve(t, quiet("root", idle("calm"), fragile("once", fail), group("web", fragile("often", often))), observe.Options{})
	b.open(s.URL)
	often <- errors.New("a")
	b.wait(row("often") + `?.starts === "1"`)
	often <- errors.New("b")
	b.wait(row("often") + `?.state === "failed"`)
	fail <- errors.New("c")
	b.wait(row("once") + `?.starts === "1"`)
	for _, c := range []struct{ by, first string }{
		{"failures", "often"}, {"worst", "often"}, {"restarts", "once"}, {"age", "once"}, {"last", "often"},
	} {
		b.choose("sort", c.by)
		b.wait(fmt.Sprintf(`location.search === "?sort=%s"`, c.by))
		b.wait(row("root") + " === null")
		key := eval[string](b, `list.map(n => n.key).join()`)
		if !eval[bool](b, `list.every((n, i) => !i || list[i - 1].key >= n.key) && list[0].key > list.at(-1).key || sorting() === "age"`) {
			t.Errorf("%s: %s", c.by, key)
		}
		if c.by == "failures" || c.by == "worst" {
			b.wait(`document.querySelectorAll(".row:not([hidden]) bdi").length === 4 && list[0].r.n === "` + c.first + `"`)
		}
	}
	b.choose("sort", "goroutines")
	b.wait(`document.querySelector("#head").innerText.includes("Goroutines")`)
	b.wait(row("calm") + `?.level === "1"`)
	b.do(chromedp.Reload())
	b.wait(row("calm") + `?.level === "1"`)
	b.click(`document.querySelector("#head [data-by=tree]")`)
	b.wait(row("root"))
}

// Goroutines are counted as long as the list is sorted by them.
func TestGoroutinesAreCountedAnew(t *testing.T) {
	b := newTab(t)
	grow := make(chan bool)
	s := serve(t, quiet("root", idle("calm"), tend.Func("grows", func(ctx context.Context) error {
		for {
			select {
			case <-grow:
				go func() { <-ctx.Done() }()
			case <-ctx.Done():
				return nil
			}
		}
	})), observe.Options{})
	b.open(s.URL + "?sort=goroutines")
	b.wait(row("grows") + `?.level === "1"`)
	grow <- true
	b.wait(row("grows") + `?.level === "2"`)
	b.do(chromedp.Evaluate(`refused = "too many"; found = []; changed()`, nil))
	b.wait(`document.querySelector("#empty").innerText === "too many"`)
	b.wait(row("calm"))
}

// Which program, since when, and how it is.
func TestProgramLine(t *testing.T) {
	b := newTab(t)
	s := serve(t, quiet("root", idle("listener")), observe.Options{})
	b.open(s.URL)
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{host, "browsertest", "go1.", "up ", " goroutines", " MB heap", "GC ", "0 failures this minute"} {
		b.wait(fmt.Sprintf(`document.querySelector("#program").innerText.includes(%q)`, want))
	}
	until(t, "the page asks again", func() bool { return slices.Contains(s.log(), "GET /api/program 200") })
}

// Several at once: what is done, what is not, and who did it. Nothing acts offline.
func TestMarks(t *testing.T) {
	b := newTab(t)
	allow := func(_ *http.Request, _ observe.Action, s tend.ServiceStatus) error {
		if s.Name == "precious" {
			return errors.New("not this one")
		}
		return nil
	}
	root := quiet("root", idle("a"), idle("b"), idle("precious"))
	s := serve(t, root, observe.Options{
		Allow: allow, User: func(*http.Request) string { return "eve" },
	})
	b.open(s.URL)
	b.wait(`document.querySelector("#live").textContent === "live"`)
	b.do(chromedp.Evaluate(`window.confirm = text => { window.question = text; return true }`, nil), chromedp.Focus("#tree"))
	b.keys(kb.Home, " ", kb.ArrowDown, " ", kb.ArrowDown, kb.ArrowDown, " ") // the root cannot be marked
	b.wait(`document.querySelector("#marks b")?.innerText === "2 marked"`)
	b.wait(row("a") + `.el.ariaChecked === "true"`)
	b.click(`[...document.querySelectorAll("#marks button")].find(e => e.innerText === "Restart")`)
	b.wait(`document.querySelector("#marks p")?.innerText === "1 of 2: restart requested\nroot/precious: not this one"`)
	b.wait(`question === "Restart 2 services?\n\nroot/a\nroot/precious"`)
	b.wait(row("a") + `?.starts === "1" && ` + row("b") + `?.starts === ""`)
	b.choose("level", "people")
	b.wait(`(l => l.length === 1 && l[0].innerText.includes("restart requested a — by eve"))(document.querySelectorAll("#log button:not([hidden])"))`)
	b.wait(`location.search.includes("level=people")`)
	b.do(chromedp.Evaluate(`log(Array.from({length: 600}, (_, i) => ({t: i, w: "failed", l: "WARN", k: "service_failed", n: "x", i: i + 9, f: i, p: ""}))); soon()`, nil))
	b.wait(`(l => l.length === 1 && l[0].innerText.includes("by eve"))(document.querySelectorAll("#log button:not([hidden])"))`)
	b.picture("marks")
	const far = `document.querySelectorAll("#marks .far").length === 3 && [...document.querySelectorAll(".far")].every(e => `
	b.do(chromedp.Evaluate(`lost = 1; soon(); disconnect()`, nil)) // and nothing is selected
	b.wait(far + `e.disabled)`)
	b.do(chromedp.Evaluate(`connect()`, nil))
	b.wait(far + `!e.disabled)`)
	b.click(row("b") + ".el")
	b.wait(`document.querySelectorAll("#node .far").length === 4`)
	b.do(chromedp.Evaluate(`lost = 1; soon(); disconnect()`, nil))
	b.wait(far + `e.disabled)`)
	if err := root.RemoveAndWait(t.Context(), root.Status().Services[1].Token); err != nil {
		t.Fatal(err)
	}
	b.do(chromedp.Evaluate(`connect()`, nil)) // what is selected is not there any more
	b.wait(`document.querySelector("#node p")?.textContent.includes("(any more)")`)
	b.wait(`!lost && ` + far + `!e.disabled)`)
	b.do(chromedp.Focus("#tree"))
	b.keys(kb.Escape)
	b.wait(`document.querySelector("#marks").hidden`)
	b.keys(kb.Home, kb.Enter) // a link to the root, which has no number
	b.wait(`location.search.includes("path=root")`)
	b.do(chromedp.Reload())
	b.wait(row("root") + `?.selected`)
}

// The pane says what happened to the service, as much as is asked for; what ended is
// not green.
func TestItsEvents(t *testing.T) {
	b := newTab(t)
	fail := make(chan error)
	s := serve(t, quiet("root", idle("listener"), fragile("handler", fail)), observe.Options{})
	b.open(s.URL)
	fail <- errors.New("on fire")
	b.wait(row("handler") + `?.starts === "1"`)
	b.click(row("handler") + ".el")
	b.wait(`(t => t.includes("failed on fire") && t.includes("started 1 restart") && !t.includes("listener"))(document.querySelector("#node .past")?.innerText || "listener")`)
	b.choose("level", "warn")
	b.wait(`(t => t.includes("failed on fire") && !t.includes("started"))(document.querySelector("#node .past")?.innerText || "listener")`)
	b.wait(`[...document.querySelectorAll("#log button:not([hidden])")].every(e => e.innerText.includes("failed"))`)
	b.choose("level", "")
	b.do(chromedp.Evaluate(`log([{t: Date.now(), w: "ended", l: "INFO", k: "service_ended", n: "x", i: 1, f: 1, p: ""}]); drawLog()`, nil))
	color := func(word string) string {
		return eval[string](b, `getComputedStyle([...document.querySelectorAll("#log b")].find(e => e.textContent === "`+word+`")).color`)
	}
	if color("ended") == color("started") {
		t.Error("what ended looks as what started")
	}
}

// Times are of 24 hours and say their zone, whatever the reader's language.
func TestTimes(t *testing.T) {
	b := newTab(t)
	b.do(emulation.SetTimezoneOverride("Asia/Kolkata"), emulation.SetLocaleOverride().WithLocale("en-US"))
	s := serve(t, quiet("root", idle("listener")), observe.Options{})
	b.open(s.URL)
	b.click(row("listener") + ".el")
	b.wait(`document.querySelector("#node dl")?.innerText.match(/running for \d+s \(20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC\+05:30\)/)`)
	b.wait(`document.querySelector("#zone").innerText === "UTC+05:30"`)
	if got := eval[string](b, `date(Date.UTC(2026, 0, 2, 14, 3, 5))`); got != "2026-01-02 19:33:05 UTC+05:30" {
		t.Errorf("a time is %q", got)
	}
}

// What ticks is not read out each second.
func TestWhatTicksIsNoStatus(t *testing.T) {
	b := newTab(t)
	s := serve(t, quiet("root", idle("listener")), observe.Options{})
	b.open(s.URL)
	b.wait(`document.querySelector("#live").textContent === "live"`)
	b.do(chromedp.Evaluate(`disconnect(); lost = Date.now() - 5000; soon()`, nil))
	b.wait(`document.querySelector("#live").textContent === "offline"`)
	b.do(chromedp.Evaluate(`window.told = 0; new MutationObserver(() => told++).observe(document.querySelector("[role=status]"), {childList: true, subtree: true, characterData: true})`, nil))
	b.do(chromedp.Evaluate(`lost -= 60000; soon()`, nil))
	b.wait(`/^, as of \d+m ago$/.test(document.querySelector("#asof").textContent)`)
	if n := eval[int](b, "told"); n != 0 {
		t.Errorf("the status was told anew %d times", n)
	}
}

// List and pane say the same of a state at any moment: the pane does not wait for an
// answer.
func TestThePaneAgreesWithTheList(t *testing.T) {
	b := newTab(t)
	fail := make(chan error)
	s := serve(t, quiet("root", fragile("handler", fail)), observe.Options{})
	b.open(s.URL)
	b.click(row("handler") + ".el")
	b.wait(`document.querySelector("#node dd")?.innerText.startsWith("running for")`)
	b.do(chromedp.Evaluate(`ask = () => {}`, nil)) // the answer does not come
	fail <- errors.New("a")
	b.wait(row("handler") + `?.starts === "1"`)
	fail <- errors.New("b")
	b.wait(row("handler") + `?.state === "failed"`)
	b.wait(`document.querySelector("#node dd").innerText.startsWith("failed for")`)
}

// A link means a path: the same service in the next program, whatever its number.
func TestALinkSurvivesARestart(t *testing.T) {
	b := newTab(t)
	h := &switchable{}
	h.set(observe.Handler(quiet("root", idle("a"), idle("b")), observe.Options{}))
	s := newServer(t, h)
	t.Cleanup(func() { h.set(nil) })
	b.open(s.URL)
	b.wait(`document.querySelector("#live").textContent === "live"`)
	b.click(row("b") + ".el")
	b.wait(`location.search === "?path=root%2Fb"`)
	before := eval[int](b, "selected")
	h.set(observe.Handler(quiet("root", idle("x"), idle("y"), idle("b"), idle("b")), observe.Options{}))
	s.CloseClientConnections()
	b.wait(row("x"))
	b.wait(row("b") + `?.selected`)
	b.wait(`document.querySelector("#node dl")`)
	if after := eval[int](b, "selected"); after == before {
		t.Errorf("it is still %d", after)
	}
	b.do(chromedp.Reload())
	b.wait(row("b") + `?.selected`)
	b.do(chromedp.Focus("#tree")) // of two with one path a link has the number, too
	b.keys(kb.End, kb.Enter)
	b.wait(`/^.path=root%2Fb&id=\d+$/.test(location.search)`)
	second := eval[int](b, "selected")
	b.do(chromedp.Reload())
	b.wait(fmt.Sprintf(`typeof selected !== "undefined" && selected === %d`, second))
}

// What the pane says can be taken along.
func TestCopyAndDownload(t *testing.T) {
	b := newTab(t)
	fail := make(chan error)
	s := serve(t, quiet("root", fragile("handler", fail)), observe.Options{})
	dir := t.TempDir()
	b.do(cdpbrowser.SetDownloadBehavior(cdpbrowser.SetDownloadBehaviorBehaviorAllow).WithDownloadPath(dir),
		cdpbrowser.SetPermission(&cdpbrowser.PermissionDescriptor{Name: "clipboard-write"}, cdpbrowser.PermissionSettingGranted))
	b.open(s.URL)
	fail <- nil
	b.wait(row("handler") + `?.starts === "1"`)
	b.click(row("handler") + ".el")
	b.wait(`document.querySelector("#node details[open] pre")?.innerText.includes("browsertest.fragile")`)
	b.do(chromedp.Evaluate(`window.copied = ""; document.addEventListener("copy", () => copied = document.activeElement.value); navigator.clipboard.writeText = async text => { copied = text }`, nil))
	press := func(name string) {
		b.click(`[...document.querySelectorAll("#node .acts button")].find(e => e.innerText === "` + name + `")`)
	}
	press("Copy")
	b.wait(`document.querySelector("#node .acts p").innerText === "copied"`)
	for _, want := range []string{"root/handler", "Failures: 1", "panic: on request", "browsertest.fragile", "ERROR failed handler"} {
		b.wait(fmt.Sprintf(`copied.includes(%q)`, want))
	}
	b.do(chromedp.Evaluate(`copied = ""; navigator.clipboard.writeText = () => Promise.reject()`, nil)) // as over plain HTTP
	press("Copy")
	b.wait(`copied.includes("browsertest.fragile")`)
	press("Download")
	until(t, "the file is there", func() bool {
		data, _ := os.ReadFile(dir + "/root-handler.txt")
		return strings.Contains(string(data), "browsertest.fragile")
	})
}

// "?" has the keys.
func TestKeysAreTold(t *testing.T) {
	b := newTab(t)
	s := serve(t, quiet("root", idle("listener")), observe.Options{})
	b.open(s.URL)
	b.keys("?")
	b.wait(`document.querySelector("#keys").open && document.querySelector("#keys").innerText.includes("clear the filter")`)
	b.picture("keys")
	b.keys(kb.Escape)
	b.wait(`!document.querySelector("#keys").open`)
	b.keys("/", "?")
	b.wait(`document.querySelector("#filter").value === "?" && !document.querySelector("#keys").open`)
}
