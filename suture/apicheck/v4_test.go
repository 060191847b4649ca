package apicheck

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	_ "github.com/tend-go/tend/suture"      // so that the modules are
	_ "github.com/tend-go/tend/suture/shim" // those of go.mod
	_ "github.com/thejerf/suture/v4"
)

const (
	v4   = "github.com/thejerf/suture/v4"
	here = "github.com/tend-go/tend/suture"
	shim = "github.com/tend-go/tend/suture/shim"
)

// source imports packages from their source, once: what two packages have in
// common must be the same for go/types too.
var source = sync.OnceValue(func() types.ImporterFrom {
	return importer.ForCompiler(token.NewFileSet(), "source", nil).(types.ImporterFrom)
})

func load(t *testing.T, path string) *types.Package {
	t.Helper()
	pkg, err := source().ImportFrom(path, ".", 0)
	if err != nil {
		t.Fatal(err)
	}
	return pkg
}

// Every exported name, field and method of v4 is in package suture with the same
// type. More there is only what a token has because it is the core's.
func TestEveryNameOfV4(t *testing.T) {
	missing, extra := Compare(load(t, v4), load(t, here))
	for _, m := range missing {
		t.Error(m)
	}
	want := []string{
		"*ServiceToken.Equal", "*ServiceToken.ID", "*ServiceToken.MarshalJSON", "*ServiceToken.String", "*ServiceToken.UnmarshalJSON",
		"ServiceToken.Equal", "ServiceToken.ID", "ServiceToken.MarshalJSON", "ServiceToken.String",
	}
	if !slices.Equal(extra, want) {
		t.Errorf("more than in v4: %q, want %q", extra, want)
	}
}

// Every exported name of package suture is in the shim, and is the same there: what has
// one path in a program and what has the other go together.
func TestEveryNameInTheShim(t *testing.T) {
	missing, extra := Compare(load(t, here), load(t, shim))
	for _, m := range append(missing, extra...) {
		t.Error(m)
	}
	for _, name := range load(t, here).Scope().Names() {
		is, alias := load(t, shim).Scope().Lookup(name).(*types.TypeName)
		if token.IsExported(name) && alias && !types.Identical(is.Type(), load(t, here).Scope().Lookup(name).Type()) {
			t.Errorf("%s: another type", name)
		}
	}
}

// The shim takes the place of v4 by its go.mod alone.
func TestShimReplacesV4(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module program\n\ngo 1.25.0\n\n" +
			"require (\n\t" + v4 + " v4.0.6\n\tgithub.com/thejerf/abtime v1.0.7 // indirect\n\t" + tendPath + " v0.0.0 // indirect\n)\n\n" +
			"replace " + v4 + " => " + abs(t, "../shim") + "\n\nreplace " + tendPath + " => " + abs(t, "../..") + "\n",
		"go.sum":     read(t, "../shim/go.sum"),
		"program.go": read(t, "testdata/program.go"),
		"same.go": "package " + packageOf(t, "testdata/program.go") + "\n\nimport (\n\tv4 \"" + v4 + "\"\n\t\"" + here + "\"\n)\n\n" +
			"var _ *suture.Supervisor = v4.NewSimple(\"same\")\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, "program"), ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly", "GOPROXY=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func abs(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func packageOf(t *testing.T, file string) string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.PackageClauseOnly)
	if err != nil {
		t.Fatal(err)
	}
	return parsed.Name.Name
}

// A program that uses all of v4 in the ways programs do compiles with either.
func TestProgram(t *testing.T) {
	for name, path := range map[string]string{"with v4": v4, "with the import changed": here, "with the shim": shim} {
		t.Run(name, func(t *testing.T) {
			fset := token.NewFileSet()
			file, err := parser.ParseFile(fset, "testdata/program.go", nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			conf := types.Config{
				Importer: replacing{load(t, path)},
				Error:    func(err error) { t.Error(err) },
			}
			_, _ = conf.Check("main", fset, []*ast.File{file}, nil) // Error has them all
		})
	}
}

// replacing imports a package in the place of v4.
type replacing struct{ v4 *types.Package }

func (r replacing) Import(path string) (*types.Package, error) {
	if path == v4 {
		return r.v4, nil
	}
	return source().ImportFrom(path, ".", 0)
}
