package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// file is a source file and what can be changed in it.
type file struct {
	name    string
	source  string
	pkg     string
	set     *token.FileSet
	changes []*change // in the order of the source
}

// change puts another text in the place of source[from:to], in a function.
type change struct {
	number       int // in the binary; 0: it is not in it
	file         *file
	function     *ast.FuncDecl
	from, to     int
	code         string // the text
	was, becomes string // what is said of it, on one line
	nth          int    // of those in the function that say the same, from 0
}

// read finds the changes of a file.
func read(name string) (*file, error) {
	source, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	f := &file{name: name, source: string(source), set: token.NewFileSet()}
	parsed, err := parser.ParseFile(f.set, name, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	f.pkg = parsed.Name.Name
	for _, d := range parsed.Decls {
		if d, is := d.(*ast.FuncDecl); is && d.Body != nil {
			m := &maker{file: f, function: d}
			ast.PreorderStack(d.Body, nil, m.visit)
		}
	}
	f.tellApart()
	return f, nil
}

// tellApart numbers the changes that say the same.
func (f *file) tellApart() {
	seen := map[string]int{}
	for _, c := range f.changes {
		key := c.key()
		c.nth = seen[key]
		seen[key]++
	}
}

func (f *file) offset(p token.Pos) int { return f.set.Position(p).Offset }

func (f *file) text(n ast.Node) string { return f.source[f.offset(n.Pos()):f.offset(n.End())] }

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// key names a change in the list of equivalent ones: it outlives changes elsewhere.
func (c *change) key() string {
	key := fmt.Sprintf("%s %s: %s => %s", filepath.Base(c.file.name), nameOf(c.function), c.was, c.becomes)
	if c.nth > 0 {
		key += fmt.Sprintf(" #%d", c.nth+1)
	}
	return key
}

func (c *change) String() string {
	line := 1 + strings.Count(c.file.source[:c.from], "\n")
	return fmt.Sprintf("%s:%d %s: %s => %s", c.file.name, line, nameOf(c.function), c.was, c.becomes)
}

// nameOf is "function" or "type.method".
func nameOf(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return d.Name.Name
	}
	t := d.Recv.List[0].Type
	for {
		switch inner := t.(type) {
		case *ast.StarExpr:
			t = inner.X
			continue
		case *ast.IndexExpr:
			t = inner.X
			continue
		case *ast.Ident:
			return inner.Name + "." + d.Name.Name
		}
		return d.Name.Name
	}
}

// maker makes the changes of a function.
type maker struct {
	file     *file
	function *ast.FuncDecl
}

// visit makes the changes of one node.
func (m *maker) visit(n ast.Node, above []ast.Node) bool {
	var parent ast.Node = m.function.Body
	if len(above) > 0 {
		parent = above[len(above)-1]
	}
	switch n := n.(type) {
	case ast.Stmt:
		m.statement(n, parent)
	case *ast.KeyValueExpr: // a field that is not set
		if _, is := n.Key.(*ast.Ident); is {
			m.drop(n, parent)
		}
	case *ast.CallExpr:
		m.call(n)
	case *ast.BasicLit:
		m.number(n, parent)
	}
	if e, is := n.(ast.Expr); is && isCondition(e, parent) {
		m.condition(e, parent)
	}
	if b, is := n.(*ast.BinaryExpr); is {
		m.operator(b, b.OpPos, b.Op)
	}
	return true
}

// operators are changed into what they are easily mistaken for. And is not made or, nor
// the other way: who notices each of the terms that condition drops notices that.
var operators = map[token.Token]token.Token{
	token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR,
	token.ADD: token.SUB, token.SUB: token.ADD, token.MUL: token.QUO, token.QUO: token.MUL,
	token.ADD_ASSIGN: token.SUB_ASSIGN, token.SUB_ASSIGN: token.ADD_ASSIGN,
	token.INC: token.DEC, token.DEC: token.INC,
}

func (m *maker) operator(n ast.Node, at token.Pos, op token.Token) {
	if other, swaps := operators[op]; swaps {
		from := m.file.offset(at)
		m.make(n, from, from+len(op.String()), other.String())
	}
}

// isCondition: e is a bool, as far as its form shows.
func isCondition(e ast.Expr, parent ast.Node) bool {
	switch p := parent.(type) {
	case *ast.ParenExpr: // what is in them is nothing else than they are
		return false
	case *ast.IfStmt:
		return e == p.Cond
	case *ast.ForStmt:
		return e == p.Cond
	case *ast.UnaryExpr:
		if p.Op == token.NOT { // nor is what is not
			return false
		}
	}
	if op := operator(parent); op == token.LAND || op == token.LOR {
		return true
	}
	switch e := e.(type) {
	case *ast.UnaryExpr:
		return e.Op == token.NOT
	case *ast.Ident:
		return e.Name == "true" || e.Name == "false"
	}
	return makesBool[operator(e)]
}

var makesBool = map[token.Token]bool{
	token.LAND: true, token.LOR: true, token.EQL: true, token.NEQ: true,
	token.LSS: true, token.LEQ: true, token.GTR: true, token.GEQ: true,
}

// condition makes it true and false, but for what another change implies: of "a && b" the
// whole becomes false, and each term true. It stays in the code, which uses its variables.
func (m *maker) condition(e ast.Expr, parent ast.Node) {
	in, op := operator(parent), operator(e)
	if op == in && (op == token.LAND || op == token.LOR) {
		return // its terms are those of the whole
	}
	_, loop := parent.(*ast.ForStmt) // there would be no end
	text := m.file.text(e)
	if !loop && in != token.LOR && op != token.LAND && text != "true" {
		m.replace(e, "(true || ("+text+"))", "true")
	}
	if in != token.LAND && op != token.LOR && text != "false" {
		m.replace(e, "(false && ("+text+"))", "false")
	}
}

// operator is that of n, if it is a binary expression.
func operator(n ast.Node) token.Token {
	if b, is := n.(*ast.BinaryExpr); is {
		return b.Op
	}
	return token.ILLEGAL
}

// statement deletes it, if something is left of its block.
func (m *maker) statement(n ast.Stmt, parent ast.Node) {
	switch n := n.(type) {
	case *ast.AssignStmt:
		if n.Tok == token.DEFINE {
			return
		}
		m.operator(n, n.TokPos, n.Tok)
	case *ast.IncDecStmt:
		m.operator(n, n.TokPos, n.Tok)
	case *ast.ReturnStmt:
		if len(n.Results) > 0 {
			return
		}
	case *ast.ExprStmt, *ast.DeferStmt, *ast.GoStmt, *ast.SendStmt, *ast.BranchStmt:
	default:
		return
	}
	switch parent.(type) {
	case *ast.BlockStmt, *ast.CaseClause, *ast.CommClause:
		m.replace(n, "", "nothing")
	}
}

// drop leaves out a field of a literal, and the comma after it.
func (m *maker) drop(n ast.Node, parent ast.Node) {
	if _, is := parent.(*ast.CompositeLit); !is {
		return
	}
	c := m.replace(n, "", "nothing")
	if strings.HasPrefix(m.file.source[c.to:], ",") {
		c.to++
	}
}

// call leaves out an argument of what is made for any number of them.
func (m *maker) call(n *ast.CallExpr) {
	switch m.file.text(n.Fun) {
	case "min", "max", "cmp.Or":
		if len(n.Args) == 2 {
			for _, a := range n.Args {
				m.replace(n, "("+m.file.text(a)+")", m.file.text(a))
			}
		}
	}
}

// number adds one to a number that is returned or reckoned with.
func (m *maker) number(n *ast.BasicLit, parent ast.Node) {
	switch parent.(type) {
	case *ast.BinaryExpr, *ast.ReturnStmt:
		if v, err := strconv.Atoi(n.Value); err == nil {
			from := m.file.offset(n.Pos())
			m.make(parent, from, from+len(n.Value), strconv.Itoa(v+1))
		}
	}
}

// replace puts code in the place of n; becomes is what is said of it.
func (m *maker) replace(n ast.Node, code, becomes string) *change {
	c := m.make(n, m.file.offset(n.Pos()), m.file.offset(n.End()), code)
	c.becomes = oneLine(becomes)
	return c
}

// make puts code in the place of a part of n.
func (m *maker) make(n ast.Node, from, to int, code string) *change {
	c := &change{file: m.file, function: m.function, from: from, to: to, code: code}
	m.file.changes = append(m.file.changes, c)
	begin, end := m.file.offset(n.Pos()), m.file.offset(n.End())
	c.was = oneLine(m.file.source[begin:end])
	c.becomes = oneLine(m.file.source[begin:from] + code + m.file.source[to:end])
	return c
}
