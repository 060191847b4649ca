package browsertest

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/tend-go/tend"
	"github.com/tend-go/tend/observe"
)

var screenshots = flag.String("screenshots", os.Getenv("SCREENSHOTS"), "write pictures to this directory")

// patience bounds the wait for anything to appear in the page.
const patience = 30 * time.Second

// browser is one Chromium for all tests; each test has a tab of its own.
var browser struct {
	ctx  context.Context
	path string
	dir  string // for what is gone after the tests
}

func TestMain(m *testing.M) {
	flag.Parse()
	browser.path = findBrowser()
	code := 0
	func() {
		if browser.path != "" {
			defer startBrowser()()
		}
		code = m.Run()
	}()
	os.Exit(code)
}

func findBrowser() string {
	for _, name := range []string{os.Getenv("CHROMIUM"), "chromium", "chromium-browser", "google-chrome", "headless-shell"} {
		if path, err := exec.LookPath(name); name != "" && err == nil {
			return path
		}
	}
	return ""
}

func startBrowser() (stop func()) {
	var err error
	if browser.dir, err = os.MkdirTemp("", "browsertest"); err != nil {
		panic(err)
	}
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(browser.path), chromedp.UserDataDir(filepath.Join(browser.dir, "profile")), chromedp.WindowSize(1400, 860),
		// What a page must not be asked for under: the names resolve to this machine.
		chromedp.Flag("host-resolver-rules", "MAP *.example 127.0.0.1"),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("hide-scrollbars", true),
	}
	for _, name := range []string{
		"headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run",
		"disable-background-networking", "disable-component-update", "disable-sync",
	} {
		options = append(options, chromedp.Flag(name, true))
	}
	allocator, free := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	if err := chromedp.Run(ctx); err != nil {
		panic(fmt.Sprintf("%s does not start: %v", browser.path, err))
	}
	browser.ctx = ctx
	return func() {
		_ = chromedp.Cancel(ctx) // waits for the process
		cancel()
		free()
		_ = os.RemoveAll(browser.dir)
	}
}

// tab is one page of the browser, and the requests that it made.
type tab struct {
	*testing.T
	ctx      context.Context
	mu       sync.Mutex
	requests []string
	problems []string // what the console and uncaught exceptions say
}

// newTab opens a tab, or skips the test if there is no browser.
func newTab(t *testing.T) *tab {
	t.Helper()
	if browser.path == "" {
		const text = "no browser found: install chromium, or name one in CHROMIUM"
		if os.Getenv("CI") == "true" {
			t.Fatal(text)
		}
		t.Skip(text)
	}
	ctx, cancel := chromedp.NewContext(browser.ctx)
	t.Cleanup(cancel)
	ctx, stop := context.WithTimeout(ctx, 3*patience)
	t.Cleanup(stop)
	b := &tab{T: t, ctx: ctx}
	chromedp.ListenTarget(ctx, b.listen)
	b.do(network.Enable(), page.Enable())
	return b
}

// do runs actions and ends the test if one fails.
func (b *tab) do(actions ...chromedp.Action) {
	b.Helper()
	if err := chromedp.Run(b.ctx, actions...); err != nil {
		b.Fatal(err)
	}
}

// open loads a page and waits until it has drawn.
func (b *tab) open(url string) {
	b.Helper()
	b.do(chromedp.Navigate(url))
	b.wait(`document.querySelectorAll(".row:not([hidden])").length > 0`)
}

// eval is the value of a JavaScript expression.
func eval[T any](b *tab, js string) (value T) {
	b.Helper()
	b.do(chromedp.Evaluate(js, &value))
	return value
}

// wait waits until a JavaScript expression is true.
func (b *tab) wait(js string) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Run(ctx, chromedp.Poll("!!("+js+")", nil, chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(patience))); err != nil {
		b.Fatalf("%s never came true: %v, %q\nthe page says:\n%s", js, err, b.trouble(), b.text())
	}
}

// text is what a person could read.
func (b *tab) text() string {
	var s string
	_ = chromedp.Run(b.ctx, chromedp.Evaluate(`document.body.innerText`, &s))
	return s
}

// row is the JavaScript expression of the line of a service, as an object of its
// cells; null if it is not shown.
func row(name string) string {
	return fmt.Sprintf(`(() => {
		const el = [...document.querySelectorAll(".row:not([hidden])")].find(r => r.querySelector("bdi").textContent === %q);
		if (!el) return null;
		const cell = c => el.querySelector("." + c).textContent;
		return {el, name: cell("name"), state: cell("state"), starts: cell("starts"), level: cell("level"), error: el.children[5].textContent,
			expanded: el.getAttribute("aria-expanded"), selected: el.classList.contains("selected"), cursor: el.classList.contains("cursor")};
	})()`, name)
}

// names are the services that are shown, from the top.
func (b *tab) names() []string {
	return eval[[]string](b, `[...document.querySelectorAll(".row:not([hidden])")].sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top).map(r => r.querySelector("bdi").textContent)`)
}

// keys types keys to where the focus is, as a keyboard does: the character comes
// with the key, so that the page can prevent it.
func (b *tab) keys(keys ...string) {
	b.Helper()
	for _, k := range keys {
		if len(k) > 1 || kb.Keys[rune(k[0])].Text == "" || k < " " {
			b.do(chromedp.KeyEvent(k))
			continue
		}
		b.do(input.DispatchKeyEvent(input.KeyDown).WithKey(k).WithText(k), input.DispatchKeyEvent(input.KeyUp).WithKey(k))
	}
}

// click clicks with the mouse on the element that a JavaScript expression is.
func (b *tab) click(js string) {
	b.Helper()
	b.wait(js)
	at := eval[[]float64](b, `(el => {
		el.scrollIntoView({block: "nearest"});
		const r = el.getBoundingClientRect();
		return [r.left + r.width / 2, r.top + Math.min(r.height / 2, 20)];
	})(`+js+`)`)
	b.do(chromedp.MouseClickXY(at[0], at[1]))
}

// picture writes what the tab shows, if somebody wants to see it.
func (b *tab) picture(name string) {
	b.Helper()
	if *screenshots == "" {
		return
	}
	var png []byte
	b.do(chromedp.CaptureScreenshot(&png))
	file := filepath.Join(*screenshots, name+".png")
	if err := os.WriteFile(file, png, 0o644); err != nil {
		b.Fatal(err)
	}
	b.Log("wrote " + file)
}

// look sets how large the tab is and whether its user prefers dark pages.
func (b *tab) look(width, height int64, scheme string) {
	b.Helper()
	b.do(chromedp.EmulateViewport(width, height),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}))
}

// server serves h at a loopback address and counts what is asked.
type server struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string // method, path and status
	open  int      // streams
}

func newServer(t *testing.T, h http.Handler) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stream := strings.HasSuffix(r.URL.Path, "/api/events")
		s.count(stream, 1)
		defer s.count(stream, -1)
		rec := &recorder{ResponseWriter: w, status: http.StatusOK}
		defer func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.asked = append(s.asked, fmt.Sprintf("%s %s %d", r.Method, r.URL.Path, rec.status))
		}()
		h.ServeHTTP(rec, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) count(stream bool, by int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if stream {
		s.open += by
	}
}

func (s *server) streams() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}

// log is what was asked and answered so far.
func (s *server) log() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.asked...)
}

type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// serve serves the tree below root and its page until the test ends.
func serve(t *testing.T, root *tend.Supervisor, o observe.Options) *server {
	t.Helper()
	p := observe.Handler(root, o)
	s := newServer(t, p)
	done := root.ServeBackground(t.Context())
	t.Cleanup(func() {
		p.Close()
		root.Stop()
		<-done
	})
	return s
}

// until asks yes again and again until it is.
func until(t *testing.T, what string, yes func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !yes() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("never: %s", what)
		}
	}
}
