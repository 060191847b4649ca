package browsertest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/tend-go/tend"
	"github.com/tend-go/tend/observe"
)

// quiet is a root that does not log.
func quiet(name string, services ...tend.Service) *tend.Supervisor {
	s := tend.New(name, tend.Spec{EventHook: func(tend.Event) {}, FailureThreshold: 1000})
	for _, svc := range services {
		s.Add(svc)
	}
	return s
}

func group(name string, services ...tend.Service) *tend.Supervisor {
	s := tend.New(name, tend.Spec{})
	for _, svc := range services {
		s.Add(svc)
	}
	return s
}

func idle(name string) tend.Service {
	return tend.Func(name, func(ctx context.Context) error {
		tend.Annotate(ctx, slog.String("address", "127.0.0.1:1234"))
		<-ctx.Done()
		return ctx.Err()
	})
}

// fragile fails with what it is sent, and stays down after the second time.
func fragile(name string, fail <-chan error) tend.Service {
	return tend.Child{Limit: tend.Limit{N: 2}, Service: tend.Func(name, func(ctx context.Context) error {
		select {
		case err := <-fail:
			if err == nil {
				panic("on request")
			}
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	})}
}

// A crash is seen as it happens, without a reload: in the row, in the chips, in
// the log; the second one for good.
func TestCrashAppearsLive(t *testing.T) {
	b := newTab(t)
	fail := make(chan error)
	s := serve(t, quiet("root", group("web", idle("listener"), fragile("handler", fail))), observe.Options{})
	b.open(s.URL)
	b.wait(`document.querySelector("#live").textContent === "live"`)
	b.wait(row("handler") + `?.state === "running"`)
	fail <- errors.New("disk is on fire")
	b.wait(row("handler") + `?.starts === "1"`)
	b.wait(row("handler") + `?.error === "disk is on fire"`)
	b.wait(`document.querySelector("#log").innerText.includes("failed handler — disk is on fire")`)
	fail <- errors.New("disk is on fire")
	b.wait(row("handler") + `?.state === "failed"`)
	b.wait(row("handler") + `?.level === "2, 2 of 2"`)
	b.wait(`[...document.querySelectorAll("#chips button")].some(c => !c.hidden && c.innerText === "failed 1")`)
	b.wait(`document.querySelector("#log").innerText.includes("failed handler ×2 — disk is on fire")`)
	b.wait(`document.querySelector("#log").innerText.includes("gave up handler")`)
	b.click(`[...document.querySelectorAll("#log button")].find(l => l.innerText.includes("gave up"))`)
	b.wait(row("handler") + "?.selected")
	if p := b.trouble(); len(p) > 0 {
		t.Error(p)
	}
}

// Whatever is in a name: what is said of a supervisor leads to it, and what the
// page says of a root that is not ready is why.
func TestALineOfTheLogLeadsToItsSupervisor(t *testing.T) {
	b := newTab(t)
	slow := tend.Child{ReadyTimeout: patience * 10, Service: idle("slow")}
	s := serve(t, quiet("root", group("50% a/b", idle("listener")), slow), observe.Options{})
	b.open(s.URL)
	b.wait(row("root") + `?.state === "starting"`)
	b.wait(row("root") + `?.error.includes("root/slow is starting")`)
	b.click(`[...document.querySelectorAll("#log button")].find(l => l.innerText.includes("supervisor started 50% a/b"))`)
	b.wait(row("50% a/b") + "?.selected")
	b.wait(`document.querySelector("#node h2").innerText === "50% a/b"`)
	b.wait(`document.querySelector("#node p").innerText === "root/50%25 a%2Fb"`)
	if p := b.trouble(); len(p) > 0 {
		t.Error(p)
	}
}

// The meter of a failure count falls by itself, without a word from the server.
func TestMeterDecays(t *testing.T) {
	b := newTab(t)
	fail := make(chan error)
	sup := tend.New("web", tend.Spec{FailureDecay: time.Second})
	sup.Add(tend.Func("handler", func(ctx context.Context) error {
		select {
		case err := <-fail:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}))
	s := serve(t, quiet("root", sup), observe.Options{})
	b.do(chromedp.ActionFunc(script(timed)))
	b.open(s.URL)
	b.wait(`document.querySelector("#live").textContent === "live"`)
	fail <- errors.New("once")
	b.wait(row("handler") + `?.starts === "1"`)
	b.wait(row("web") + `?.level > "0.1" && ` + row("web") + `.el.querySelector("meter").value > 0`)
	told := eval[int](b, "messages")
	b.wait(row("web") + `?.level === "" && !` + row("web") + `.el.querySelector("meter")`)
	if now := eval[int](b, "messages"); now > told+1 { // one may have been under way
		t.Errorf("%d messages while the count fell", now-told)
	}
}

// In a large tree branches are closed and sum up what is below; one that gets a
// service that has given up opens, unless somebody closed it.
func TestTroubleOpensItsBranch(t *testing.T) {
	b := newTab(t)
	fail, fail2 := make(chan error), make(chan error)
	many := group("many")
	for i := range 300 {
		many.Add(idle(fmt.Sprintf("idle-%03d", i)))
	}
	root := quiet("root", many, group("web", idle("listener"), group("inner", fragile("handler", fail))), group("db", fragile("pool", fail2)))
	s := serve(t, root, observe.Options{})
	b.open(s.URL)
	b.wait(`document.querySelector("#live").textContent === "live"`)
	if got := b.names(); !slices.Equal(got, []string{"root", "many", "web", "db"}) {
		t.Errorf("open at first: %q", got)
	}
	b.do(chromedp.Focus("#tree"))
	b.keys(kb.End, kb.ArrowRight)
	b.wait(row("pool"))
	b.keys(kb.ArrowLeft)
	b.wait(row("pool") + " === null")
	for range 2 {
		fail <- errors.New("broken")
		fail2 <- errors.New("broken too")
	}
	b.wait(row("handler") + `?.state === "failed"`)
	b.wait(row("db") + `?.error === "1 failed of 1"`)
	if got := b.names(); !slices.Equal(got, []string{"root", "many", "web", "listener", "inner", "handler", "db"}) {
		t.Errorf("open after that: %q", got)
	}
	b.do(chromedp.Reload())
	b.wait(row("pool"))
	if got := b.names(); !slices.Equal(got, []string{"root", "many", "web", "listener", "inner", "handler", "db", "pool"}) {
		t.Errorf("open in a new page: %q", got)
	}
}

func TestFilter(t *testing.T) {
	b := newTab(t)
	s := serve(t, quiet("root", group("web", idle("listener"), idle("sessions")), group("db", idle("pool"), idle("listener-2"))), observe.Options{})
	b.open(s.URL)
	is := func(want ...string) {
		t.Helper()
		if got := b.names(); !slices.Equal(got, want) {
			t.Errorf("shown are %q, want %q", got, want)
		}
	}
	is("root", "web", "listener", "sessions", "db", "pool", "listener-2")
	b.keys("/", "l", "i", "s", "t")
	b.wait(row("pool") + " === null")
	is("root", "web", "listener", "db", "listener-2")
	b.keys(" ", "d", "b")
	b.wait(row("listener") + " === null")
	is("root", "db", "listener-2")
	if got := eval[string](b, "location.search"); got != "?q=list+db" {
		t.Errorf("the address says %q", got)
	}
	b.do(chromedp.Reload())
	b.wait(row("listener-2"))
	is("root", "db", "listener-2")
	b.keys("/", "x")
	b.wait(`document.querySelector("#empty").innerText.startsWith("Nothing matches")`)
	b.keys(kb.Escape)
	b.wait(row("pool"))
	is("root", "web", "listener", "sessions", "db", "pool", "listener-2")
	b.click(`[...document.querySelectorAll("#chips button")].find(c => c.innerText.startsWith("running"))`)
	b.wait(`location.search === "?state=running"`)
	is("root", "web", "listener", "sessions", "db", "pool", "listener-2")
	b.keys(kb.Escape)
	b.wait(`location.search === ""`)
	b.keys("/", "p", "o", "o", "l", kb.Enter, kb.Enter)
	b.wait(row("pool") + "?.selected")
	b.wait(`location.search === "?q=pool&path=root%2Fdb%2Fpool"`)
}

func TestKeyboard(t *testing.T) {
	b := newTab(t)
	s := serve(t, quiet("root", group("web", idle("listener"), idle("sessions")), idle("last")), observe.Options{})
	b.open(s.URL)
	b.do(chromedp.Focus("#tree"))
	at := func(name string) {
		t.Helper()
		b.wait(row(name) + "?.cursor")
		b.wait(`document.getElementById(document.querySelector("#tree").getAttribute("aria-activedescendant")) === ` + row(name) + ".el")
	}
	b.keys(kb.ArrowDown)
	at("root")
	b.keys(kb.ArrowDown, kb.ArrowDown)
	at("listener")
	b.keys(kb.ArrowLeft)
	at("web")
	b.keys(kb.ArrowLeft)
	b.wait(row("web") + `.expanded === "false"`)
	b.wait(row("listener") + " === null")
	b.keys(kb.ArrowDown)
	at("last")
	b.keys(kb.ArrowUp, kb.ArrowRight)
	b.wait(row("web") + `.expanded === "true"`)
	b.keys(kb.ArrowRight)
	at("listener")
	b.keys(kb.End)
	at("last")
	b.keys(kb.Home)
	at("root")
	b.keys(kb.ArrowDown, kb.ArrowDown, kb.ArrowDown, kb.Enter)
	b.wait(row("sessions") + "?.selected")
	b.wait(`document.querySelector("#node h2").innerText === "sessions"`)
	b.keys(kb.Escape)
	b.wait(`document.querySelector("#node").innerText.startsWith("Select a service")`)
	for want, js := range map[string]string{
		"tree":     `document.querySelector("#tree").getAttribute("role")`,
		"treeitem": row("sessions") + `.el.getAttribute("role")`,
		"3":        row("sessions") + `.el.getAttribute("aria-level")`,
		"2":        row("sessions") + `.el.getAttribute("aria-posinset")`,
	} {
		if got := eval[string](b, js); got != want {
			t.Errorf("%s is %q, want %q", js, got, want)
		}
	}
}

func TestDetail(t *testing.T) {
	b := newTab(t)
	fail := make(chan error)
	never := tend.Child{ReadyTimeout: patience * 10, Service: idle("never-ready")}
	ordered := tend.New("ordered", tend.Spec{Ordered: true})
	ordered.Add(never)
	ordered.Add(idle("waits"))
	s := serve(t, quiet("root", fragile("handler", fail), idle("listener"), ordered), observe.Options{})
	b.open(s.URL)
	fail <- nil
	b.wait(row("handler") + `?.error === "panic: on request"`)
	b.click(row("handler") + ".el")
	b.wait(`document.querySelector("#node details[open] pre")?.innerText.includes("browsertest.fragile")`)
	b.wait(`document.querySelector("#node").innerText.includes("1 of 2 failures in a row")`)
	b.wait(`document.querySelector("#node svg path")`)
	b.click(`[...document.querySelectorAll("#node button")].find(e => e.innerText === "Goroutines")`)
	b.wait(`document.querySelector("#node .dump")?.innerText.includes("fragile")`)

	b.click(row("listener") + ".el")
	b.wait(`document.querySelector("#node dl")?.innerText.includes("127.0.0.1:1234")`)
	if got := eval[string](b, `document.querySelector("#node").innerText`); strings.Contains(got, "fragile") {
		t.Errorf("the pane still shows what belongs to another service: %s", got)
	}
	b.click(row("waits") + ".el")
	b.click(`[...document.querySelectorAll("#node dd button")].find(e => e.innerText === "root/ordered/never-ready")`)
	b.wait(row("never-ready") + "?.selected")
	b.wait(`document.querySelector("#node").innerText.includes("starting for")`)

	b.do(chromedp.Reload())
	b.wait(row("never-ready") + "?.selected")
	b.wait(`document.querySelector("#node").innerText.includes("starting for")`)
}

// Buttons are there only with Allow; what comes back is shown, and what it does
// is seen.
func TestButtons(t *testing.T) {
	const button = `[...document.querySelectorAll("#node button")].find(e => e.innerText === "Restart")`
	t.Run("without Allow", func(t *testing.T) {
		b := newTab(t)
		s := serve(t, quiet("root", idle("listener")), observe.Options{})
		b.open(s.URL)
		b.click(row("listener") + ".el")
		b.wait(`document.querySelector("#node .acts button")`)
		if eval[bool](b, "!!"+button) {
			t.Error("there is a button")
		}
	})
	t.Run("with Allow", func(t *testing.T) {
		b := newTab(t)
		allow := func(_ *http.Request, a observe.Action, s tend.ServiceStatus) error {
			if s.Name == "precious" {
				return errors.New("not this one")
			}
			return nil
		}
		s := serve(t, quiet("root", idle("listener"), idle("precious")), observe.Options{Allow: allow})
		b.open(s.URL)
		b.do(chromedp.Evaluate(`window.confirm = text => { window.question = text; return true }`, nil))
		b.click(row("listener") + ".el")
		b.click(button)
		b.wait(`document.querySelector("#node .acts p").innerText === "restart requested"`)
		b.wait(`question === "Restart root/listener?"`)
		b.wait(row("listener") + `?.starts === "1"`)
		b.click(row("precious") + ".el")
		b.wait(`document.querySelector("#node h2").innerText === "precious"`)
		b.click(button)
		b.wait(`document.querySelector("#node .acts p").innerText === "not this one"`)
		b.do(chromedp.Evaluate(`window.confirm = () => false`, nil))
		b.click(button)
		if n := len(posts(s)); n != 2 {
			t.Errorf("%d requests were sent, want 2: %q", n, s.log())
		}
	})
}

// A supervisor that pauses has a button that ends the pause: also the root, which has no
// other.
func TestAPauseCanBeEnded(t *testing.T) {
	const button = `[...document.querySelectorAll("#node .acts button")].find(e => e.innerText === "Resume")`
	fails := 6
	flaky := tend.Func("flaky", func(ctx context.Context) error {
		if fails--; fails >= 0 {
			return errors.New("boom")
		}
		<-ctx.Done()
		return nil
	})
	b := newTab(t)
	root := tend.New("root", tend.Spec{FailureBackoff: time.Hour, EventHook: func(tend.Event) {}})
	root.Add(flaky)
	s := serve(t, root, observe.Options{Allow: func(*http.Request, observe.Action, tend.ServiceStatus) error { return nil }})
	b.open(s.URL)
	b.do(chromedp.Evaluate(`window.confirm = text => { window.question = text; return true }`, nil))
	b.click(row("root") + ".el")
	b.click(button)
	b.wait(`question === "Resume root?"`)
	b.wait(row("flaky") + `?.state === "running"`)
	b.wait("!" + button)
}

func posts(s *server) (asked []string) {
	return slices.DeleteFunc(s.log(), func(a string) bool { return !strings.HasPrefix(a, "POST") })
}

// DNS rebinding and requests from other sites, in a real browser.
func TestForeignSitesNeitherReadNorAct(t *testing.T) {
	b := newTab(t)
	root := quiet("root", idle("listener"))
	s := serve(t, root, observe.Options{Allow: func(*http.Request, observe.Action, tend.ServiceStatus) error { return nil }})
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	rebound := "http://rebound.example:" + u.Port()
	b.do(chromedp.Navigate(rebound))
	b.wait(`document.body.innerText.includes("not served under the name rebound.example")`)

	other := newServer(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<title>another site</title>"))
	}))
	b.do(chromedp.Navigate(strings.Replace(other.URL, "127.0.0.1", "other.example", 1)))
	restart := s.URL + "/api/node/" + root.Status().Services[0].Token.String()[1:] + "/restart"
	for _, js := range []string{
		`fetch("` + restart + `", {method: "POST", mode: "no-cors"}).then(() => "sent", String)`,
		`new Promise(done => { const f = document.createElement("form"); f.method = "post"; f.action = "` + restart + `"; f.target = "frame";
			const i = document.createElement("iframe"); i.name = "frame"; i.onload = () => done("sent"); document.body.append(i, f); f.submit() })`,
	} {
		var sent string
		b.do(chromedp.Evaluate(js, &sent, awaitPromise))
	}
	read := ""
	b.do(chromedp.Evaluate(`fetch("`+s.URL+`/api/tree").then(r => r.text(), () => "not readable")`, &read, awaitPromise))
	if read != "not readable" {
		t.Errorf("another site read %.100s", read)
	}
	until(t, "both POSTs arrived", func() bool { return len(posts(s)) == 2 })
	for _, a := range posts(s) {
		if !strings.HasSuffix(a, " 403") {
			t.Errorf("%s, want 403", a)
		}
	}
	if n := root.Status().Services[0].Restarts; n != 0 {
		t.Errorf("the service was restarted %d times", n)
	}
}

// In a real browser, which would run what is in them.
func TestNamesAndErrorsOfAnyContentStayText(t *testing.T) {
	b := newTab(t)
	evil := []string{`<img src=x onerror="window.hacked=1">`, `</script><script>window.hacked=1</script>`, `"'&lt;&amp;`, "שלום \u200f", "a\u202eb"}
	fail := make(chan error)
	var services []tend.Service
	for _, name := range evil {
		services = append(services, idle(name))
	}
	services = append(services, fragile(evil[0]+"!", fail))
	root := quiet("root "+evil[1], services...)
	s := serve(t, root, observe.Options{Title: evil[0]})
	b.open(s.URL)
	fail <- errors.New(strings.Repeat(evil[1]+evil[0], 20_000))
	b.wait(row(evil[0]+"!") + "?.error.length > 100")
	b.click(row(evil[0]+"!") + ".el")
	b.wait(`document.querySelector("#node details[open] pre")?.innerText.length > 1000`)
	b.wait(`document.querySelector("#log").innerText.includes("onerror")`)
	for i, c := range root.Status().Services {
		if !eval[bool](b, "!!"+row(c.Name)) {
			t.Errorf("%q is not shown as %q", evil[min(i, len(evil)-1)], c.Name)
		}
	}
	if got := eval[string](b, "document.title"); got != evil[0] {
		t.Errorf("the title is %q", got)
	}
	if eval[bool](b, "!!window.hacked || !!document.querySelector('img')") {
		t.Error("a name became markup")
	}
	if urls := b.foreign(s.URL); urls != nil {
		t.Errorf("requests to %q", urls)
	}
	// Even script that tried could not: the policy forbids it.
	if got := eval[string](b, `(() => { try { document.body.innerHTML = "<b>x</b>"; return "set" } catch (e) { return e.name } })()`); got != "TypeError" {
		t.Errorf("innerHTML: %s", got)
	}
}

// In a real browser: under a prefix, with and without slash, and behind a proxy
// that strips it.
func TestThePageWorksHoweverItIsMounted(t *testing.T) {
	root := quiet("root", idle("listener"))
	p := observe.Handler(root, observe.Options{})
	t.Cleanup(p.Close)
	done := root.ServeBackground(t.Context())
	t.Cleanup(func() {
		root.Stop()
		<-done
	})

	mux := http.NewServeMux()
	mux.Handle("/a/tree/", p)
	mux.Handle("/b/tree", http.StripPrefix("/b/tree", p))
	mux.Handle("/b/tree/", http.StripPrefix("/b/tree", p))
	s := newServer(t, mux)
	inner := newServer(t, p)
	target, err := url.Parse(inner.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	outer := newServer(t, http.StripPrefix("/c/tree", proxy))
	for _, at := range []string{s.URL + "/a/tree/", s.URL + "/a/tree", s.URL + "/b/tree", s.URL + "/b/tree/", outer.URL + "/c/tree", outer.URL + "/c/tree/"} {
		t.Run(at[strings.LastIndex(at, ":"):][6:], func(t *testing.T) {
			b := newTab(t)
			b.open(at)
			b.wait(`document.querySelector("#live").textContent === "live"`)
			b.click(row("listener") + ".el")
			b.wait(`document.querySelector("#node").innerText.includes("127.0.0.1:1234")`)
		})
	}
}

// And the page asks nobody else for anything.
func TestTheFirstPaintNeedsNoRequest(t *testing.T) {
	b := newTab(t)
	s := serve(t, quiet("root", group("web", idle("listener"))), observe.Options{})
	b.open(s.URL + "/?live=off")
	b.wait(row("listener"))
	if got := s.log(); len(got) != 1 {
		t.Errorf("requests %q, want one", got)
	}
	if urls := b.foreign(s.URL); urls != nil {
		t.Errorf("requests to %q", urls)
	}
}

// It says as much as it can, and asks nobody else for anything.
func TestWithoutScriptThePageIsTheTreeAsText(t *testing.T) {
	b := newTab(t)
	s := serve(t, quiet("root", group("web", idle("listener"))), observe.Options{})
	b.do(emulation.SetScriptExecutionDisabled(true), chromedp.Navigate(s.URL))
	var text string
	b.do(chromedp.Text("noscript", &text, chromedp.ByQuery))
	if !strings.Contains(text, "listener") {
		t.Errorf("without script the page says %q", text)
	}
	if urls := b.foreign(s.URL); urls != nil {
		t.Errorf("requests to %q", urls)
	}
	var main []string
	b.do(chromedp.EvaluateAsDevTools(`[...document.querySelectorAll("header, main")].map(e => getComputedStyle(e).display)`, &main))
	if !slices.Equal(main, []string{"none", "none"}) {
		t.Errorf("what needs script is shown: %q", main)
	}
	b.picture("noscript")
}

func TestEmptyTree(t *testing.T) {
	b := newTab(t)
	root := quiet("root")
	s := serve(t, root, observe.Options{})
	b.open(s.URL)
	b.wait(`document.querySelector("#empty").innerText.includes("Supervisor.Add")`)
	b.picture("empty")
	b.wait(`document.querySelector("#live").textContent === "live"`)
	root.Add(idle("first"))
	b.wait(row("first"))
	b.wait(`document.querySelector("#empty").innerText === ""`)
}

// Behind a middleware without Flush, and with a server that is started again after
// Close, the page goes on.
func TestBehindMiddleware(t *testing.T) {
	b := newTab(t)
	root := quiet("root", idle("first"))
	served := root.ServeBackground(t.Context())
	t.Cleanup(func() {
		root.Stop()
		<-served
	})
	page := observe.Handler(root, observe.Options{})
	s := newServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page.ServeHTTP(noFlush{w}, r)
	}))
	b.open(s.URL)
	for _, name := range []string{"second", "third"} {
		b.wait(`document.querySelector("#live").textContent === "live"`)
		root.Add(idle(name))
		b.wait(row(name))
		page.Close()
	}
	if p := b.trouble(); len(p) > 0 {
		t.Error(p)
	}
}

// noFlush does not say that what it wraps can flush.
type noFlush struct{ w http.ResponseWriter }

func (n noFlush) Header() http.Header         { return n.w.Header() }
func (n noFlush) Write(b []byte) (int, error) { return n.w.Write(b) }
func (n noFlush) WriteHeader(code int)        { n.w.WriteHeader(code) }

// A stream may begin as late as it likes, and is asked for once.
func TestAStreamThatBeginsLate(t *testing.T) {
	b := newTab(t)
	root := quiet("root", idle("first"))
	p := observe.Handler(root, observe.Options{})
	served := root.ServeBackground(t.Context())
	t.Cleanup(func() {
		root.Stop()
		<-served
	})
	begin, asked := make(chan struct{}), make(chan struct{}, 100)
	s := newServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/api/events") {
			asked <- struct{}{}
			select {
			case <-begin:
			case <-r.Context().Done():
				return
			}
		}
		p.ServeHTTP(w, r)
	}))
	t.Cleanup(p.Close) // before the server waits for its streams
	b.open(s.URL)
	b.do(chromedp.Evaluate(`window.seconds = 0; setInterval(() => seconds++, 1e3)`, nil))
	b.wait(`seconds > 2`)
	close(begin)
	b.wait(`document.querySelector("#live").textContent === "live"`)
	if len(asked) != 1 {
		t.Errorf("the stream was asked for %d times", len(asked))
	}
}

// Something in between that refuses streams, or a search that has to wait for another,
// does not make the page say that it is offline.
func TestRefusals(t *testing.T) {
	b := newTab(t)
	root := quiet("root", idle("first"))
	p := observe.Handler(root, observe.Options{})
	t.Cleanup(p.Close)
	served := root.ServeBackground(t.Context())
	t.Cleanup(func() {
		root.Stop()
		<-served
	})
	s := newServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/api/events") {
			http.Error(w, "too many", http.StatusServiceUnavailable)
			return
		}
		p.ServeHTTP(w, r)
	}))
	b.open(s.URL)
	b.wait(`document.querySelector("#live").textContent === "live"`)
	root.Add(idle("second"))
	b.wait(row("second"))
	root.Add(idle("third"))
	b.wait(row("third"))
	b.wait(`document.querySelector("#live").textContent === "live"`)
	if p := b.trouble(); len(p) > 0 {
		t.Error(p)
	}
}

// A page that was open while the program was started again acts on nothing that its
// reader has not seen: the same number is another service there.
func TestAnActOfAnEarlierProgram(t *testing.T) {
	b := newTab(t)
	s := serve(t, quiet("root", idle("listener")), observe.Options{
		Logger: slog.New(slog.DiscardHandler),
		Allow:  func(*http.Request, observe.Action, tend.ServiceStatus) error { return nil },
	})
	b.open(s.URL)
	b.do(chromedp.Evaluate(`window.confirm = () => true`, nil))
	b.click(row("listener") + ".el")
	b.wait(`document.querySelectorAll("#node .acts button").length === 7`)
	b.do(chromedp.Evaluate(`detail = { ...detail, epoch: "another" }; drawDetail()`, nil))
	b.click(`[...document.querySelectorAll("#node .acts button")].find(b => b.innerText === "Restart")`)
	b.wait(`document.querySelector("#node .acts p").innerText.includes("look at it again")`)
	if got := posts(s); len(got) != 1 || !strings.HasSuffix(got[0], " 409") {
		t.Errorf("%q, want one 409", got)
	}
}

// A server that goes away leaves the last state, grey and with its age; when it is
// back, even as another process, the page goes on by itself.
func TestOffline(t *testing.T) {
	b := newTab(t)
	h := &switchable{}
	before := quiet("root", idle("before")) // and a log that is longer than the one after
	served := before.ServeBackground(t.Context())
	t.Cleanup(func() {
		before.Stop()
		<-served
	})
	h.set(observe.Handler(before, observe.Options{}))
	if err := before.Restart(before.Status().Services[0].Token, errors.New("to have a line in the log")); err != nil {
		t.Fatal(err)
	}
	s := newServer(t, h)
	t.Cleanup(func() { h.set(nil) }) // ends the streams, for which the server waits
	b.open(s.URL)
	b.wait(`document.querySelector("#live").textContent === "live"`)
	h.set(nil)
	s.CloseClientConnections()
	b.wait(`document.querySelectorAll("#log button:not([hidden])").length > 1`)
	b.wait(`/^offline, as of \d+s ago$/.test(document.querySelector("#live").parentNode.textContent)`)
	b.wait(row("before"))
	b.picture("offline")
	h.set(observe.Handler(quiet("root", idle("after")), observe.Options{}))
	b.wait(`document.querySelector("#live").textContent === "live"`)
	b.wait(row("after"))
	b.wait(row("before") + " === null")
	b.wait(`document.querySelectorAll("#log button:not([hidden])").length === 0`)
	if p := b.trouble(); len(p) > 0 {
		t.Error(p)
	}
}
