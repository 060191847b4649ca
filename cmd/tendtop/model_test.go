package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
)

// statusOf is a tree of services with these names, whose ids are 1, 2 and so on, as those of
// a program that has just been started.
func statusOf(t *testing.T, names string) (s tend.Status) {
	t.Helper()
	var services []string
	for i, name := range strings.Fields(names) {
		services = append(services, fmt.Sprintf(`{"id": %d, "name": %q, "path": "shop/%[2]s"}`, i+1, name))
	}
	if err := json.Unmarshal([]byte(`{"path": "shop", "services": [`+strings.Join(services, ",")+`]}`), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// The service with the path that was selected stays so after another start of the program,
// where its id is another service; and the pane has nothing of any other.
func TestWhatIsSelectedHasItsPath(t *testing.T) {
	for _, c := range []struct {
		name, then string
		selected   identity
		pane       string // its lines; "closed" if it is
	}{
		{"the same", "a b", identity{2, "shop/b"}, "stacks of b"},
		{"one more", "a b c", identity{2, "shop/b"}, "stacks of b"},
		{"of two with its path", "b b", identity{2, "shop/b"}, "stacks of b"},
		{"another id", "b a", identity{1, "shop/b"}, "…"},
		{"not there", "a c", identity{1, "shop/a"}, "closed"},
		{"none", "", identity{2, "shop/b"}, "stacks of b"},
	} {
		m := newModel(nil, options{})
		m.Update(treeMsg{status: statusOf(t, "a b")})
		m.selected, m.pane = identity{2, "shop/b"}, &pane{}
		m.Update(stacksMsg{of: m.selected, text: "stacks of b"})
		if _, look := m.Update(treeMsg{status: statusOf(t, c.then)}); (look != nil) != (c.pane == "…") {
			t.Errorf("%s: that the pane is asked for is %v", c.name, look != nil)
		}
		got := "closed"
		if m.pane != nil {
			got = strings.Join(m.pane.lines(9), "\n")
		}
		if m.selected != c.selected || got != c.pane {
			t.Errorf("%s: selected is %v and the pane says %q, want %v and %q", c.name, m.selected, got, c.selected, c.pane)
		}
	}
}

// An answer of another program may come before its tree: what it says of the id is of another
// service, and if it is of the one selected, then stacks that were asked for before are gone.
func TestAnAnswerOfAnotherProgram(t *testing.T) {
	of := func(epoch, path string) nodeMsg {
		return nodeMsg{2, node{ID: 2, Epoch: epoch, Path: path, Events: []event{{Name: path, Word: "of", Text: epoch}}}, nil}
	}
	m := newModel(nil, options{})
	m.Update(treeMsg{status: statusOf(t, "a b")})
	m.selected, m.pane = identity{2, "shop/b"}, &pane{}
	m.Update(stacksMsg{of: identity{2, "shop/c"}, epoch: "first", text: "stacks of c"})
	m.Update(stacksMsg{of: m.selected, epoch: "first", text: "stacks of b"})
	m.Update(nodeMsg{2, node{}, errors.New("unreachable")})
	for _, c := range []struct {
		msg  nodeMsg
		want []string
	}{
		{of("first", "shop/b"), []string{"stacks of b", "shop/b of: first"}},
		{of("first", "shop/b"), []string{"stacks of b", "shop/b of: first"}},
		{of("second", "shop/a"), []string{"stacks of b", "shop/b of: first"}},
		{of("second", "shop/b"), []string{"shop/b of: second"}},
	} {
		m.Update(c.msg)
		var got []string
		for _, l := range m.pane.lines(9) {
			_, text, timed := strings.Cut(l, "  ")
			if !timed {
				text = l
			}
			got = append(got, text)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("after %s of %s: %s", c.msg.node.Epoch, c.msg.node.Path, d)
		}
	}
}

// Stacks are asked for of the service that is meant: an id of an earlier program is another one.
func TestStacksAreOfWhatIsSelected(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/goroutines") || strings.HasSuffix(r.URL.Path, "/stacks") {
			_, _ = io.WriteString(w, "stacks of b")
			return
		}
		_, _ = io.WriteString(w, `{"id": 2, "path": "shop/b", "epoch": "first"}`)
	}))
	defer s.Close()
	c, err := newClient(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]stacksMsg{
		"shop/b": {identity{2, "shop/b"}, "first", "stacks of b", nil},
		"shop/a": {identity{2, "shop/a"}, "", "", errAnother},
	} {
		m := newModel(c, options{})
		m.selected = identity{2, path}
		if got := m.stacks()(); got != want {
			t.Errorf("%s: %+v", path, got)
		}
	}
}
