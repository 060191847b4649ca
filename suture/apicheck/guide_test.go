package apicheck

import (
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

const tendPath = "github.com/tend-go/tend"

// fences finds the code of the guide. A comment before it, which readers do not
// see, says what it is written for: "both" suture v4 and package suture, or "tend",
// where suture is package suture; "v4 as v4" is for both at once. After a colon it
// has declarations that the code leaves to the reader.
var fences = regexp.MustCompile("(?s)(?:<!-- (both|tend|v4 as v4)(?:: (.*?))? -->\n)?```go\n(.*?)```")

// The code of the guide compiles, what is before a change with v4 too.
func TestGuide(t *testing.T) {
	guide, err := os.ReadFile("../../docs/from-suture.md")
	if err != nil {
		t.Fatal(err)
	}
	all := fences.FindAllStringSubmatch(string(guide), -1)
	if len(all) < 15 {
		t.Fatalf("found only %d pieces of code", len(all))
	}
	for i, m := range all {
		what, given, code := m[1], m[2], m[3]
		imports := map[string]string{"tend": tendPath, "suture": here, "v4": v4}
		if formatted, err := format.Source([]byte(code)); err != nil || string(formatted) != code {
			t.Errorf("not as gofmt has it: %v\n%s", err, formatted)
		}
		name := fmt.Sprintf("%d %s", i+1, strings.TrimSpace(code[:strings.IndexByte(code, '\n')]))
		switch what {
		case "":
			t.Errorf("%s: not said what it is for", name)
		case "both":
			t.Run(name+" with v4", func(t *testing.T) {
				compile(t, given+"\n"+code, map[string]string{"suture": v4})
			})
		}
		t.Run(name, func(t *testing.T) { compile(t, given+"\n"+code, imports) })
	}
}

// compile checks declarations, which need no import clauses: named says where
// packages come from, others are of the standard library or of tend.
func compile(t *testing.T, code string, named map[string]string) {
	t.Helper()
	var file strings.Builder
	file.WriteString("package p\n")
	for pkg := range packages(t, code) {
		from, is := named[pkg]
		if !is {
			from = elsewhere(pkg)
		}
		fmt.Fprintf(&file, "import %s %q\n", pkg, from)
	}
	file.WriteString(code)
	fset := token.NewFileSet()
	parsed, err := parser.ParseFile(fset, "guide.go", file.String(), 0)
	if err != nil {
		t.Fatal(err)
	}
	conf := types.Config{
		Importer: replacing{load(t, v4)},
		Error:    func(err error) { t.Error(err) },
	}
	_, _ = conf.Check("p", fset, []*ast.File{parsed}, nil) // Error has them all
}

// packages are the names in code that stand for packages: those before a dot that
// the code does not declare.
func packages(t *testing.T, code string) map[string]bool {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "guide.go", "package p\n"+code, 0)
	if err != nil {
		t.Fatal(err)
	}
	undeclared, used := map[string]bool{}, map[string]bool{}
	for _, id := range file.Unresolved {
		undeclared[id.Name] = true
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if s, is := n.(*ast.SelectorExpr); is {
			if id, is := s.X.(*ast.Ident); is && undeclared[id.Name] {
				used[id.Name] = true
			}
		}
		return true
	})
	return used
}

// elsewhere is where a package of that name comes from.
func elsewhere(pkg string) string {
	for _, p := range []string{"log/slog", "os/signal", tendPath + "/app", tendPath + "/observe"} {
		if path.Base(p) == pkg {
			return p
		}
	}
	return pkg
}
