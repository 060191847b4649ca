package apicheck

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"sync"
	"testing"

	_ "github.com/tend-go/tend/suture" // so that the modules are
	_ "github.com/thejerf/suture/v4"   // those of go.mod
)

const (
	v4   = "github.com/thejerf/suture/v4"
	here = "github.com/tend-go/tend/suture"
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

// A program that uses all of v4 in the ways programs do compiles with either.
func TestProgram(t *testing.T) {
	for name, path := range map[string]string{"with v4": v4, "with the import changed": here} {
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
