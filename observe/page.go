package observe

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"strings"

	"github.com/tend-go/tend/internal/said"
)

// The page is one document: style and script are inline, allowed by their hashes,
// and so is the tree at the moment of the request. It therefore shows all without
// a further request, wherever it is mounted.
//
//go:embed page
var files embed.FS

// scripts are read in this order.
var scripts = []string{"model.js", "time.js", "list.js", "sort.js", "marks.js", "log.js", "save.js", "detail.js", "program.js", "main.js"}

// shell is the document without what depends on the request: {{title}}, {{text}}
// and {{data}}. policy is its Content-Security-Policy, which goes with every
// answer. "trusted-types 'none'" makes the browser refuse what could turn text
// into markup.
var shell, policy = newShell()

func newShell() (page, policy string) {
	css, js := file("page.css"), ""
	for _, name := range scripts {
		js += file(name)
	}
	page = strings.NewReplacer("{{css}}", css, "{{js}}", js).Replace(file("page.html"))
	return page, strings.Join([]string{
		"default-src 'none'",
		"style-src '" + hash(css) + "'",
		"script-src '" + hash(js) + "'",
		"connect-src 'self'",
		"img-src data:",
		"base-uri 'none'",
		"form-action 'none'",
		"frame-ancestors 'none'",
		"require-trusted-types-for 'script'",
		"trusted-types 'none'",
	}, "; ")
}

func file(name string) string {
	data, err := files.ReadFile("page/" + name)
	if err != nil {
		panic("tend/observe: " + err.Error()) // embedded, so it is there
	}
	return string(data)
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// For browsers without script the page carries the tree as text, up to so many
// rows and so much of it.
const (
	maxPlain      = 2_000
	maxPlainBytes = 64 << 10
)

// writePage writes the document.
func (p *Page) writePage(w io.Writer, o *opening) error {
	first := p.beginning(o)
	data, err := json.Marshal(first) // escapes <, > and &
	if err != nil {
		return err
	}
	text := fmt.Sprintf("%d services: see api/tree?format=text", first.Total-1)
	if first.Total <= maxPlain {
		text = said.Short(o.view.text(), maxPlainBytes)
	}
	_, err = strings.NewReplacer(
		"{{title}}", html.EscapeString(first.Title),
		"{{text}}", html.EscapeString(text),
		"{{data}}", string(data),
	).WriteString(w, shell)
	return err
}
