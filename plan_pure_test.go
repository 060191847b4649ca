package tend

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestPlanIsPure type-checks the package and walks from the plan's ways in through
// every call. No goroutine, channel, lock, context or clock may be reachable, no
// field of a record that is not the plan's, and no method of an error, which is user
// code. And no two files of the plan may call each other.
func TestPlanIsPure(t *testing.T) {
	w := newPurity(t)
	w.seen[w.method("node", "shared")] = true // a field, behind an interface; a copy in each record would cost 8 bytes
	for _, name := range []string{"handle", "finished", "status", "serviceStatus", "services", "holdup", "fate"} {
		w.visit(w.method("plan", name))
	}
	if len(w.seen) < 80 {
		t.Fatalf("only %d functions were reached: the walk is broken", len(w.seen))
	}
	slices.Sort(w.found)
	for _, f := range slices.Compact(w.found) {
		t.Error(f)
	}
	for files := range w.calls {
		if w.calls[[2]string{files[1], files[0]}] && files[0] < files[1] {
			t.Errorf("%s and %s call each other", files[0], files[1])
		}
	}
}

// TestPurityIsSeen: the test above finds what it is for.
func TestPurityIsSeen(t *testing.T) {
	w := newPurity(t)
	w.visit(w.method("Supervisor", "handle"))
	w.visit(w.method("Supervisor", "RemoveAndWait"))
	w.visit(w.method("clock", "now"))
	all := strings.Join(w.found, "\n")
	for _, want := range []string{
		"a go statement", "a channel is sent to", "a channel is received from", "a select statement",
		"sync", "context", "runtime/pprof", "node.run", "node.gone", "rare.labels", "a method of an error",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("%s is not found", want)
		}
	}
}

// purity walks through the package.
type purity struct {
	fset  *token.FileSet
	info  *types.Info
	pkg   *types.Package
	decls map[*types.Func]*ast.FuncDecl

	seen  map[*types.Func]bool
	calls map[[2]string]bool // between files of the plan: from, to
	found []string
}

func newPurity(t *testing.T) *purity {
	t.Helper()
	w := &purity{
		fset: token.NewFileSet(), decls: map[*types.Func]*ast.FuncDecl{},
		info: &types.Info{
			Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{},
			Types: map[ast.Expr]types.TypeAndValue{}, Selections: map[*ast.SelectorExpr]*types.Selection{},
		},
		seen: map[*types.Func]bool{}, calls: map[[2]string]bool{},
	}
	paths, _ := filepath.Glob("*.go") // the pattern is good
	var files []*ast.File
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(w.fset, path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	var err error
	conf := types.Config{Importer: importer.ForCompiler(w.fset, "gc", exportData(t))}
	if w.pkg, err = conf.Check("github.com/tend-go/tend", w.fset, files, w.info); err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		for _, d := range f.Decls {
			if fd, ok := d.(*ast.FuncDecl); ok {
				w.decls[w.info.Defs[fd.Name].(*types.Func)] = fd
			}
		}
	}
	return w
}

// exportData finds what the go command has compiled of the package's imports.
func exportData(t *testing.T) importer.Lookup {
	t.Helper()
	list := exec.Command("go", "list", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}", ".")
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), "\t")
		files[path] = file
	}
	return func(path string) (io.ReadCloser, error) {
		data, err := os.ReadFile(files[path])
		return io.NopCloser(bytes.NewReader(data)), err
	}
}

func (w *purity) method(typ, name string) *types.Func {
	named := w.pkg.Scope().Lookup(typ).Type()
	f, _, _ := types.LookupFieldOrMethod(types.NewPointer(named), true, w.pkg, name)
	return f.(*types.Func)
}

func (w *purity) say(at token.Pos, format string, args ...any) {
	p := w.fset.Position(at)
	w.found = append(w.found, fmt.Sprintf("%s:%d: ", filepath.Base(p.Filename), p.Line)+fmt.Sprintf(format, args...))
}

// visit looks at a function and all that it calls.
func (w *purity) visit(f *types.Func) {
	f = f.Origin()
	d := w.decls[f]
	if w.seen[f] || d == nil {
		return
	}
	w.seen[f] = true
	ast.Inspect(d, func(n ast.Node) bool {
		w.look(n)
		if id, ok := n.(*ast.Ident); ok {
			if callee, ok := w.info.Uses[id].(*types.Func); ok {
				w.call(id.Pos(), callee)
			}
		}
		return true
	})
}

// call follows a call, or the use of a function as a value.
func (w *purity) call(at token.Pos, callee *types.Func) {
	callee = callee.Origin()
	pkg := callee.Pkg()
	recv := callee.Signature().Recv()
	switch {
	case pkg == nil: // a method of error
		w.say(at, "a method of an error: user code")
	case recv != nil && types.IsInterface(recv.Type()) && pkg != w.pkg:
		w.say(at, "a method of an interface: %s", callee.FullName())
	case pkg != w.pkg:
		w.foreign(at, callee)
	case w.decls[callee] != nil:
		from, to := w.file(at), w.file(w.decls[callee].Pos())
		if from != to && strings.HasPrefix(from, "plan") && strings.HasPrefix(to, "plan") {
			w.calls[[2]string{from, to}] = true
		}
		w.visit(callee)
	}
}

func (w *purity) file(at token.Pos) string { return filepath.Base(w.fset.Position(at).Filename) }

// clocks are what package time has that is not a number.
var clocks = []string{"Now", "Since", "Until", "After", "AfterFunc", "NewTimer", "NewTicker", "Sleep", "Tick"}

// pure are the packages whose functions the plan may call.
var pure = []string{
	"cmp", "fmt", "math", "math/rand/v2", "slices", "strings", "time",
	"github.com/tend-go/tend/internal/tally", "github.com/tend-go/tend/internal/treepath",
}

func (w *purity) foreign(at token.Pos, callee *types.Func) {
	path := callee.Pkg().Path()
	if !slices.Contains(pure, path) || path == "time" && slices.Contains(clocks, callee.Name()) {
		w.say(at, "%s", callee.FullName())
	}
}

// notThePlans are the fields of records that belong to others.
var notThePlans = []string{"node.run", "node.gone", "node.sup", "rare.labels", "succession.left"}

func (w *purity) look(n ast.Node) {
	switch n := n.(type) {
	case *ast.GoStmt:
		w.say(n.Pos(), "a go statement")
	case *ast.SelectStmt:
		w.say(n.Pos(), "a select statement")
	case *ast.SendStmt:
		w.say(n.Pos(), "a channel is sent to")
	case *ast.UnaryExpr:
		if n.Op == token.ARROW {
			w.say(n.Pos(), "a channel is received from")
		}
	case *ast.RangeStmt:
		if _, is := w.info.TypeOf(n.X).Underlying().(*types.Chan); is {
			w.say(n.Pos(), "a channel is received from")
		}
	case *ast.SelectorExpr:
		if s := w.info.Selections[n]; s != nil && s.Kind() == types.FieldVal {
			name := ownerOf(s) + "." + n.Sel.Name
			if slices.Contains(notThePlans, name) {
				w.say(n.Pos(), "%s", name)
			}
		}
	}
}

// ownerOf is the name of the struct type whose field is selected.
func ownerOf(s *types.Selection) string {
	t := s.Recv()
	if p, is := t.(*types.Pointer); is {
		t = p.Elem()
	}
	if named, is := t.(*types.Named); is {
		return named.Obj().Name()
	}
	return cmp.Or(t.String(), "?")
}
