package apicheck

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"strings"
	"testing"
)

// Each mutant of the package below must be noticed.
const original = `package p

type T struct {
	A int
	B *U ` + "`json:\"b\"`" + `
}

func (T) M(U) error       { return nil }
func (*T) P(...T) []U     { return nil }

type U struct{ hidden int }

type I interface{ M(T) }
type F func(I) map[string]chan<- T
type N int

const C N = 1

var V = [2]U{}

func New(I) *T { return nil }
`

func TestCompare(t *testing.T) {
	for name, c := range map[string]struct {
		old, new       string
		missing, extra []string
	}{
		"the same":        {},
		"alias":           {"type U struct{ hidden int }", "type U = u; type u struct{ other string }", nil, nil},
		"no function":     {"func New(I) *T { return nil }", "", []string{"New: missing"}, nil},
		"other result":    {"New(I) *T", "New(I) *U", []string{"New: not a func(I) *T"}, nil},
		"other parameter": {"New(I) *T", "New(F) *T", []string{"New: not a func(I) *T"}, nil},
		"more parameters": {"New(I) *T", "New(I, ...I) *T", []string{"New: not a func(I) *T"}, nil},
		"variable":        {"[2]U{}", "[3]U{}", []string{"V: not a variable of type [2]U"}, nil},
		"constant":        {"C N = 1", "C N = 2", []string{"C: 2, not 1"}, nil},
		"constant's type": {"C N = 1", "C = 1", []string{"C: not a constant of type N"}, nil},
		"not a constant":  {"const C", "var C", []string{"C: not a constant of type N"}, nil},
		"not a type":      {"type N int\n\nconst C N = 1", "var N int\n\nconst C = 1", []string{"C: not a constant of type N", "N: not a type"}, nil},
		"underlying":      {"type N int", "type N uint", []string{"N: not a int"}, nil},
		"channel":         {"chan<- T", "chan T", []string{"F: not a func(I) map[string]chan<- T"}, nil},
		"interface":       {"interface{ M(T) }", "interface{ M(T); O() }", []string{"I: not a interface{M(T)}"}, nil},
		"no field":        {"\tA int\n", "", []string{"T.A: missing", "T.B: field 0, not 1", "T: 1 fields, not 2"}, nil},
		"field's type":    {"A int", "A N", []string{"T.A: not a int"}, nil},
		"field's tag":     {"`json:\"b\"`", "", []string{"T.B: tag ``, not `json:\"b\"`"}, nil},
		"more fields":     {"A int", "A int; C int", []string{"T.B: field 2, not 1", "T: 3 fields, not 2"}, []string{"T.C"}},
		"hidden field":    {"A int", "A int; c int", []string{"T.B: field 2, not 1", "T: 3 fields, not 2"}, nil},
		"promoted field":  {"struct{ hidden int }", "struct{ inner }; type inner struct{ X int }", nil, []string{"U.X"}},
		"incomparable":    {"struct{ hidden int }", "struct{ hidden []int }", []string{"U: not comparable"}, nil},
		"no method":       {"func (T) M(U) error       { return nil }", "", []string{"*T.M: not a func(U) error", "T.M: not a func(U) error"}, nil},
		"receiver":        {"func (T) M", "func (*T) M", []string{"T.M: not a func(U) error"}, nil},
		"method's type":   {"P(...T) []U", "P([]T) []U", []string{"*T.P: not a func(...T) []U"}, nil},
		"more methods":    {"const C", "func (N) More() {}\n\nconst C", nil, []string{"*N.More", "N.More"}},
		"more names":      {"const C", "func More() {}\n\nconst C", nil, []string{"More"}},
	} {
		t.Run(name, func(t *testing.T) {
			mutant := strings.Replace(original, c.old, c.new, 1)
			if c.old != c.new && mutant == original {
				t.Fatalf("%q is not in the original", c.old)
			}
			missing, extra := Compare(check(t, original), check(t, mutant))
			if !slices.Equal(missing, c.missing) {
				t.Errorf("missing %q, want %q", missing, c.missing)
			}
			if !slices.Equal(extra, c.extra) {
				t.Errorf("extra %q, want %q", extra, c.extra)
			}
		})
	}
}

// check makes a package of its source, which imports nothing.
func check(t *testing.T, source string) *types.Package {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "p.go", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	pkg, err := new(types.Config).Check("p", fset, []*ast.File{file}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return pkg
}
