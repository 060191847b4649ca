package app

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
)

// docs/operations.md is held against the code: what is documented exists, and what
// exists is documented.

// logged is a line of a table of log records.
type logged struct {
	levels []string
	attrs  []string
}

// rows reads the tables of docs/operations.md whose first of four columns is called
// what.
func rows(t *testing.T, what string) (found [][]string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	reading := false
	for line := range strings.Lines(string(data)) {
		cells := strings.Split(strings.Trim(line, "|\n "), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch {
		case !strings.HasPrefix(line, "|"):
			reading = false
		case cells[0] == what && len(cells) == 4:
			reading = true
		case reading && !strings.HasPrefix(line, "|--"):
			found = append(found, cells)
		}
	}
	if len(found) == 0 {
		t.Fatalf("there is no table of %s", what)
	}
	return found
}

// records reads the tables of log records.
func records(t *testing.T, what string) map[string]logged {
	t.Helper()
	found := map[string]logged{}
	for _, cells := range rows(t, what) {
		found[cells[0]] = logged{
			regexp.MustCompile(`[A-Z]{4,}`).FindAllString(cells[1], -1),
			regexp.MustCompile(`\w+`).FindAllString(cells[2], -1),
		}
	}
	return found
}

// What the table says of trees, TestReadiness shows.
func TestOperationsReadiness(t *testing.T) {
	word := map[bool]string{true: "yes", false: "no"}
	var want [][]string
	for _, s := range situations() {
		want = append(want, []string{s.name, word[s.want.Ready], word[s.want.AllRunning], word[s.want.Alive]})
	}
	if diff := cmp.Diff(want, rows(t, "a tree")); diff != "" {
		t.Errorf("-shown +documented\n%s", diff)
	}
}

// eventTypes are the structs of events.go that are events: those that embed Origin.
func eventTypes(t *testing.T) (names []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "events.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		if s, ok := spec.Type.(*ast.StructType); ok {
			for _, f := range s.Fields.List {
				if id, ok := f.Type.(*ast.Ident); ok && len(f.Names) == 0 && id.Name == "Origin" {
					names = append(names, "tend."+spec.Name.Name)
				}
			}
		}
		return true
	})
	return names
}

// samples of all kinds of events, with as many attributes as they can have.
func eventSamples() []tend.Event {
	panicked := &tend.PanicError{Value: "ouch"}
	return []tend.Event{
		tend.SupervisorStarted{},
		tend.SupervisorStopping{},
		tend.SupervisorStopping{Cause: tend.Reason{Text: "why not"}},
		tend.SupervisorStopped{},
		tend.SupervisorStopped{Unstopped: 1},
		tend.PauseBegan{},
		tend.PauseEnded{},
		tend.Escalated{Err: &tend.TooManyFailures{}},
		tend.EventsDropped{},
		tend.ServiceStarted{},
		tend.ServiceReady{},
		tend.ServiceUnresponsive{Cause: tend.Reason{Err: tend.ErrNotReady}},
		tend.ServiceFailed{},
		tend.ServiceFailed{Err: tend.Reason{Err: panicked}},
		tend.ServiceFailed{Late: 1, Threshold: 1, Restarting: true, Delay: 1},
		tend.ServiceEnded{},
		tend.ServiceEnded{Cause: tend.Reason{Err: io.EOF}, Err: tend.Reason{Err: io.EOF}},
		tend.ServiceEnded{Err: tend.Reason{Err: io.EOF}, Unclean: true},
		tend.ServiceEnded{Err: tend.Reason{Err: panicked}},
		tend.ServiceEnded{Late: 1},
		tend.ServiceChanged{},
		tend.ServiceAlsoFailed{},
		tend.MessagesLost{},
		tend.ServiceAlsoFailed{Err: tend.Reason{Err: panicked}},
		tend.ServiceStuck{},
		tend.ServiceGaveUp{},
		tend.ServiceRefused{},
	}
}

func TestOperationsEvents(t *testing.T) {
	table := records(t, "event")
	types, kinds := map[string]bool{}, map[string]bool{}
	said := map[string]logged{}
	for _, e := range eventSamples() {
		kind := e.Kind().String()
		types[fmt.Sprintf("%T", e)], kinds[kind] = true, true
		r := said[kind]
		r.levels = append(r.levels, e.Level().String())
		for _, a := range e.LogValue().Group()[1:] {
			if a.Key != "supervisor" {
				r.attrs = append(r.attrs, a.Key)
			}
		}
		said[kind] = r
	}
	for _, name := range eventTypes(t) {
		if !types[name] {
			t.Errorf("this test has no sample of %s", name)
		}
	}
	for kind, r := range said {
		if diff := cmp.Diff(unique(r.attrs), unique(table[kind].attrs)); diff != "" {
			t.Errorf("attributes of %q: -said +documented\n%s", kind, diff)
		}
		if diff := cmp.Diff(unique(r.levels), unique(table[kind].levels)); diff != "" {
			t.Errorf("levels of %q: -said +documented\n%s", kind, diff)
		}
	}
	for kind := range table {
		if !kinds[kind] {
			t.Errorf("%q is documented, and no event", kind)
		}
	}
}

func unique(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

// What this package, others and the tree itself log: calls of LogAttrs, and of methods log that
// are like it, with a constant message, which is all of them but the ones for events and acts.
func TestOperationsRecords(t *testing.T) {
	table := records(t, "record")
	said := map[string]logged{}
	files := []string{filepath.Join("..", "foldlog.go"), filepath.Join("..", "hub.go")}
	for _, pattern := range []string{"*.go", "../process/*.go", "../periodic/*.go", "../health/*.go"} {
		more, err := filepath.Glob(filepath.FromSlash(pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, more...)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		logCalls(t, name, said)
	}
	for message, r := range said {
		row, ok := table[message]
		if !ok {
			t.Errorf("%q is logged and not documented", message)
		}
		for _, a := range r.attrs {
			if !slices.Contains(row.attrs, a) {
				t.Errorf("%q is logged with %s, documented with %s", message, a, row.attrs)
			}
		}
		for _, l := range r.levels {
			if !slices.Contains(row.levels, l) {
				t.Errorf("%q is logged at %s, documented at %s", message, l, row.levels)
			}
		}
	}
	for message := range table {
		if _, ok := said[message]; !ok {
			t.Errorf("%q is documented and never logged", message)
		}
	}
}

// logCalls finds the calls of LogAttrs in a file.
func logCalls(t *testing.T, name string, said map[string]logged) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		f, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || f.Sel.Name != "LogAttrs" && f.Sel.Name != "log" || len(call.Args) < 3 {
			return true
		}
		message, ok := literal(call.Args[2])
		if !ok {
			return true
		}
		r := said[message]
		if level, ok := call.Args[1].(*ast.SelectorExpr); ok {
			r.levels = append(r.levels, strings.ToUpper(strings.TrimPrefix(level.Sel.Name, "Level")))
		}
		for _, arg := range call.Args[3:] {
			if attr, ok := arg.(*ast.CallExpr); ok {
				if key, ok := literal(attr.Args[0]); ok && key != "" { // else it is a group of its own
					r.attrs = append(r.attrs, key)
				}
			}
		}
		said[message] = r
		return true
	})
}

func literal(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok {
		return "", false
	}
	text, err := strconv.Unquote(lit.Value)
	return text, err == nil
}
