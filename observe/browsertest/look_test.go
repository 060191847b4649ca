package browsertest

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// contrast lists the texts on the page whose contrast to what is behind them is
// below 4.5, by the formula of WCAG 2.
const contrast = `(() => {
	const parse = c => (c.match(/[\d.]+/g) || []).map(Number);
	const light = ([r, g, b]) => [r, g, b].map(v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
		.reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
	const behind = el => {
		for (; el; el = el.parentElement) {
			const c = parse(getComputedStyle(el).backgroundColor);
			if (c.length === 3 || c[3] > 0) return c;
		}
		return [255, 255, 255];
	};
	const bad = new Set();
	const look = (el, pseudo, what) => {
		const fg = light(parse(getComputedStyle(el, pseudo).color)), bg = light(behind(el));
		const ratio = (Math.max(fg, bg) + 0.05) / (Math.min(fg, bg) + 0.05);
		if (ratio < 4.5) bad.add(what + ": " + ratio.toFixed(2));
	};
	for (const el of document.querySelectorAll("body *")) {
		if (!el.getClientRects().length) continue;
		if ([...el.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) look(el, null, el.tagName + "." + el.className + " " + el.textContent.slice(0, 30));
		for (const pseudo of ["::before", "::after"]) {
			if (!["none", "normal", '""'].includes(getComputedStyle(el, pseudo).content)) look(el, pseudo, el.tagName + "." + el.className + pseudo);
		}
	}
	const field = document.querySelector("#filter");
	look(field, "::placeholder", "placeholder");
	return [...bad];
})()`

// The zoo in all lights. Pictures are for a person; what can be counted is.
func TestLooks(t *testing.T) {
	b := newTab(t)
	url := startZoo(t)
	var root struct{ Services []service }
	until(t, "one is stuck, one has given up, one panicked", func() bool {
		root = ask[struct{ Services []service }](t, url+"api/tree")
		return find(root.Services, "/ignores-stop").State == "stuck" && find(root.Services, "/com.example.zoom").State == "failed" &&
			find(root.Services, "/resize").State == "backoff"
	})
	at := func(query, name string) string {
		return fmt.Sprintf("%s?%spath=%s", url, query, find(root.Services, name).Path)
	}
	for _, c := range []struct {
		name, scheme, url string
		width, height     int64
		ready             string
	}{
		{"light", "light", at("", "/com.example.zoom"), 1400, 860, `document.querySelector("#node pre")`},
		{"dark", "dark", at("", "/resize"), 1400, 860, `document.querySelector("#node pre")`},
		{"light-900", "light", at("", "/ignores-stop"), 900, 860, `document.querySelector("#node pre")`},
		{"dark-900", "dark", at("state=trouble&", "/resize"), 900, 860, `document.querySelector("#node pre")`},
		{"light-800", "light", at("sort=worst&", "/com.example.zoom"), 800, 860, `document.querySelector("#node pre")`},
		{"dark-800", "dark", at("", "/resize"), 800, 860, `document.querySelector("#node pre")`},
		{"light-390", "light", url + "?state=trouble", 390, 860, `true`},
		{"dark-390", "dark", at("", "/com.example.zoom"), 390, 860, `document.querySelector("#node pre")`},
		{"trouble", "light", at("state=trouble&", "/com.example.zoom"), 1400, 860, `document.querySelector("#node pre")`},
		{"trouble-dark", "dark", at("sort=failures&level=warn&", "/com.example.github"), 1400, 860, `document.querySelector("#node pre")`},
		{"detail", "light", at("q=slow&", "/ignores-stop"), 1400, 860, `document.querySelector("#node pre")`},
		{"detail-dark", "dark", at("q=database&", "/cache"), 1400, 860, `document.querySelector("#node dl")`},
		{"narrow", "light", at("", "/com.example.zoom"), 420, 900, `document.querySelector("#node pre")`},
		{"narrow-dark", "dark", url, 420, 900, `true`},
		{"hostile", "light", url + "?q=strange", 1400, 560, `true`},
		{"nothing", "light", url + "?q=no+such+thing", 1400, 560, `document.querySelector("#empty").innerText`},
	} {
		t.Run(c.name, func(t *testing.T) {
			b.T = t
			b.look(c.width, c.height, c.scheme)
			b.do(chromedp.Navigate(c.url))
			b.wait(`document.querySelector("#live")?.textContent === "live"`)
			b.wait(c.ready)
			if bad := eval[[]string](b, contrast); len(bad) > 0 {
				t.Errorf("contrast below 4.5: %q", bad)
			}
			if wide := eval[int](b, `document.documentElement.scrollWidth - innerWidth`); wide > 0 {
				t.Errorf("the page is %d pixels wider than the screen", wide)
			}
			if moving := eval[int](b, `[...document.querySelectorAll("*")].filter(e => getComputedStyle(e).transitionDuration !== "0s" || getComputedStyle(e).animationName !== "none").length`); moving > 0 {
				t.Errorf("%d elements move, whatever prefers-reduced-motion says", moving)
			}
			b.picture(c.name)
		})
	}
	b.T = t
	if p := b.trouble(); len(p) > 0 {
		t.Error(p)
	}
}

// TestDocsPicture makes docs/page.png, if the environment says DOCS=1.
func TestDocsPicture(t *testing.T) {
	if os.Getenv("DOCS") == "" {
		t.Skip("set DOCS=1 to make docs/page.png anew")
	}
	b := newTab(t)
	url := startZoo(t)
	var root struct{ Services []service }
	until(t, "plugins pauses", func() bool {
		root = ask[struct{ Services []service }](t, url+"api/tree")
		return find(root.Services, "/ignores-stop").State == "stuck" && find(root.Services, "/com.example.github").State == "backoff"
	})
	b.look(1400, 860, "light")
	b.open(fmt.Sprintf("%s?path=%s", url, find(root.Services, "/com.example.github").Path))
	b.wait(`document.querySelector("#node pre")`)
	b.wait(`document.querySelector("#live").textContent === "live"`)
	var png []byte
	b.do(chromedp.CaptureScreenshot(&png))
	if err := os.WriteFile("../../docs/page.png", png, 0o644); err != nil {
		t.Fatal(err)
	}
}

// What the page is called and how it is read out.
func TestAccessibility(t *testing.T) {
	b := newTab(t)
	b.open(startZoo(t))
	for _, c := range []struct{ what, js string }{
		{"every control has a name", `[...document.querySelectorAll("button, input, select, dialog, meter, [role=tree], [role=group]")].every(e => e.ariaLabel || document.getElementById(e.getAttribute("aria-labelledby")) || e.matches("button") && e.innerText.trim())`},
		{"an id is there once", `new Set([...document.querySelectorAll("[id]")].map(e => e.id)).size === document.querySelectorAll("[id]").length`},
		{"headings skip no level", `[...document.querySelectorAll("h1, h2, h3")].every((e, i, all) => +e.tagName[1] <= (i ? +all[i - 1].tagName[1] + 1 : 1))`},
		{"no control is in another", `!document.querySelector("button button, button a, a button, summary button")`},
		{"a list of facts has nothing else", `[...document.querySelectorAll("dl > *")].every(e => e.matches("dt, dd"))`},
		{"every row says its level", `[...document.querySelectorAll(".row:not([hidden])")].every(e => +e.getAttribute("aria-level") > 0)`},
		{"the position in a branch is told", `[...document.querySelectorAll(".row:not([hidden])")].every(e => +e.getAttribute("aria-posinset") <= +e.getAttribute("aria-setsize"))`},
		{"only the status line is read out by itself", `document.querySelectorAll("[aria-live], [role=log], [role=status]").length === 1`},
		{"the language is known", `document.documentElement.lang === "en"`},
	} {
		if !eval[bool](b, c.js) {
			t.Errorf("not so: %s", c.what)
		}
	}
	if title := eval[string](b, `document.title`); !strings.Contains(title, "zoo") {
		t.Errorf("the title is %q", title)
	}
}
