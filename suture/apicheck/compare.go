package apicheck

import (
	"fmt"
	"go/constant"
	"go/token"
	"go/types"
	"sort"
)

// Compare reports what a program written for package was would miss in package
// is: an exported name, field or method that is not there, or not with the
// corresponding type. Types correspond if they are the same once every type of was
// is replaced by the one of that name in is. It also reports what is more in is.
// Both are sorted, one line each.
func Compare(was, is *types.Package) (missing, extra []string) {
	c := &comparison{was: was, is: is}
	for _, name := range was.Scope().Names() {
		if token.IsExported(name) {
			c.object(name, was.Scope().Lookup(name), is.Scope().Lookup(name))
		}
	}
	for _, name := range is.Scope().Names() {
		if token.IsExported(name) && was.Scope().Lookup(name) == nil {
			c.extra = append(c.extra, name)
		}
	}
	sort.Strings(c.missing)
	sort.Strings(c.extra)
	return c.missing, c.extra
}

type comparison struct {
	was, is        *types.Package
	missing, extra []string
}

func (c *comparison) miss(format string, args ...any) {
	c.missing = append(c.missing, fmt.Sprintf(format, args...))
}

// object compares what a name of the package stands for.
func (c *comparison) object(name string, was, is types.Object) {
	if is == nil {
		c.miss("%s: missing", name)
		return
	}
	switch was := was.(type) {
	case *types.TypeName:
		if _, ok := is.(*types.TypeName); !ok {
			c.miss("%s: not a type", name)
			return
		}
		c.typeNamed(name, was.Type(), is.Type())
	case *types.Const:
		is, ok := is.(*types.Const)
		if !ok || !c.correspond(was.Type(), is.Type()) {
			c.miss("%s: not a constant of type %s", name, c.spell(was.Type()))
		} else if !constant.Compare(was.Val(), token.EQL, is.Val()) {
			c.miss("%s: %s, not %s", name, is.Val(), was.Val())
		}
	case *types.Var:
		if is, ok := is.(*types.Var); !ok || !c.correspond(was.Type(), is.Type()) {
			c.miss("%s: not a variable of type %s", name, c.spell(was.Type()))
		}
	case *types.Func:
		if is, ok := is.(*types.Func); !ok || !c.correspond(was.Type(), is.Type()) {
			c.miss("%s: not a %s", name, c.spell(was.Type()))
		}
	}
}

// typeNamed compares two types of the same name: what they are, what methods they
// have, and whether values can be compared.
func (c *comparison) typeNamed(name string, was, is types.Type) {
	wasStruct, ok1 := was.Underlying().(*types.Struct)
	isStruct, ok2 := is.Underlying().(*types.Struct)
	switch {
	case ok1 && ok2:
		c.fields(name, wasStruct, isStruct, is)
	case !c.correspond(was.Underlying(), is.Underlying()):
		c.miss("%s: not a %s", name, c.spell(was.Underlying()))
	}
	if types.Comparable(was) && !types.Comparable(is) {
		c.miss("%s: not comparable", name)
	}
	if types.IsInterface(was) {
		return // done with what it is
	}
	c.methods(name, was, is)
	c.methods("*"+name, types.NewPointer(was), types.NewPointer(is))
}

// fields compares the exported fields. If all are exported, programs may leave
// their names out of literals, and the order counts too.
func (c *comparison) fields(name string, was, is *types.Struct, isType types.Type) {
	public := true
	had := map[string]bool{}
	for i := range was.NumFields() {
		f := was.Field(i)
		if !f.Exported() {
			public = false
			continue
		}
		had[f.Name()] = true
		at := indexOf(is, f.Name())
		switch {
		case at < 0:
			c.miss("%s.%s: missing", name, f.Name())
		case is.Field(at).Embedded() != f.Embedded() || !c.correspond(f.Type(), is.Field(at).Type()):
			c.miss("%s.%s: not a %s", name, f.Name(), c.spell(f.Type()))
		case is.Tag(at) != was.Tag(i):
			c.miss("%s.%s: tag `%s`, not `%s`", name, f.Name(), is.Tag(at), was.Tag(i))
		case public && at != i:
			c.miss("%s.%s: field %d, not %d", name, f.Name(), at, i)
		}
	}
	if public && is.NumFields() != was.NumFields() {
		c.miss("%s: %d fields, not %d", name, is.NumFields(), was.NumFields())
	}
	for _, f := range promoted(is, nil) {
		v, _, _ := types.LookupFieldOrMethod(isType, true, c.is, f)
		if _, isField := v.(*types.Var); isField && !had[f] {
			c.extra = append(c.extra, name+"."+f)
		}
	}
}

func indexOf(s *types.Struct, name string) int {
	for i := range s.NumFields() {
		if s.Field(i).Name() == name {
			return i
		}
	}
	return -1
}

// promoted appends the names of the exported fields of s and of what it embeds.
func promoted(s *types.Struct, names []string) []string {
	for f := range s.Fields() {
		if f.Exported() {
			names = append(names, f.Name())
		}
		if !f.Embedded() {
			continue
		}
		t := f.Type()
		if p, is := t.Underlying().(*types.Pointer); is {
			t = p.Elem()
		}
		if inner, is := t.Underlying().(*types.Struct); is {
			names = promoted(inner, names)
		}
	}
	return names
}

// methods compares what can be called on a value.
func (c *comparison) methods(name string, was, is types.Type) {
	wasSet, isSet := types.NewMethodSet(was), types.NewMethodSet(is)
	for m := range wasSet.Methods() {
		if !m.Obj().Exported() {
			continue
		}
		got := isSet.Lookup(c.is, m.Obj().Name())
		if got == nil || !c.correspond(m.Type(), got.Type()) {
			c.miss("%s.%s: not a %s", name, m.Obj().Name(), c.spell(m.Type()))
		}
	}
	for m := range isSet.Methods() {
		if m.Obj().Exported() && wasSet.Lookup(c.was, m.Obj().Name()) == nil {
			c.extra = append(c.extra, name+"."+m.Obj().Name())
		}
	}
}

// spell writes a type without the path of the package it was in.
func (c *comparison) spell(t types.Type) string {
	return types.TypeString(t, types.RelativeTo(c.was))
}

// correspond reports whether is stands where was stood.
func (c *comparison) correspond(was, is types.Type) bool {
	was, is = types.Unalias(was), types.Unalias(is)
	if named, ok := was.(*types.Named); ok {
		return c.sameName(named, is)
	}
	switch was := was.(type) {
	case *types.Pointer:
		is, ok := is.(*types.Pointer)
		return ok && c.correspond(was.Elem(), is.Elem())
	case *types.Slice:
		is, ok := is.(*types.Slice)
		return ok && c.correspond(was.Elem(), is.Elem())
	case *types.Array:
		is, ok := is.(*types.Array)
		return ok && was.Len() == is.Len() && c.correspond(was.Elem(), is.Elem())
	case *types.Chan:
		is, ok := is.(*types.Chan)
		return ok && was.Dir() == is.Dir() && c.correspond(was.Elem(), is.Elem())
	case *types.Map:
		is, ok := is.(*types.Map)
		return ok && c.correspond(was.Key(), is.Key()) && c.correspond(was.Elem(), is.Elem())
	case *types.Signature:
		is, ok := is.(*types.Signature)
		return ok && was.Variadic() == is.Variadic() &&
			c.tuples(was.Params(), is.Params()) && c.tuples(was.Results(), is.Results())
	case *types.Interface:
		is, ok := is.(*types.Interface)
		return ok && c.interfaces(was, is)
	default:
		return types.Identical(was, is)
	}
}

func (c *comparison) sameName(was *types.Named, is types.Type) bool {
	if was.Obj().Pkg() != c.was {
		return types.Identical(was, is)
	}
	there, ok := c.is.Scope().Lookup(was.Obj().Name()).(*types.TypeName)
	return ok && types.Identical(there.Type(), is)
}

func (c *comparison) tuples(was, is *types.Tuple) bool {
	if was.Len() != is.Len() {
		return false
	}
	for i := range was.Len() {
		if !c.correspond(was.At(i).Type(), is.At(i).Type()) {
			return false
		}
	}
	return true
}

// interfaces: a program may implement them as well as call them, so neither may
// have a method that the other has not.
func (c *comparison) interfaces(was, is *types.Interface) bool {
	if was.NumMethods() != is.NumMethods() {
		return false
	}
	for i := range was.NumMethods() { // sorted by name
		a, b := was.Method(i), is.Method(i)
		if a.Name() != b.Name() || !c.correspond(a.Type(), b.Type()) {
			return false
		}
	}
	return true
}
