package treepath

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPaths(t *testing.T) {
	for _, c := range []struct {
		names []string
		path  string
	}{
		{[]string{"root"}, "root"},
		{[]string{"root", "db", "conn"}, "root/db/conn"},
		{[]string{"root", "a/b"}, "root/a%2Fb"},
		{[]string{"a/b", "c"}, "a%2Fb/c"},
		{[]string{"root", "100%"}, "root/100%25"},
		{[]string{"root", "%2F"}, "root/%252F"},
		{[]string{"root", "%25"}, "root/%2525"},
		{[]string{"root", "/"}, "root/%2F"},
		{[]string{"root", "", "x"}, "root//x"},
		{[]string{"root", "tür auf", "日本?#&"}, "root/tür auf/日本?#&"},
	} {
		path := ""
		for i, name := range c.names {
			above := path
			path = Join(above, name)
			if Name(path) != name || Parent(path) != above || Depth(path) != i {
				t.Errorf("%q: the name is %q, above is %q, depth %d", path, Name(path), Parent(path), Depth(path))
			}
		}
		if path != c.path {
			t.Errorf("%q is %q, want %q", c.names, path, c.path)
		}
		if d := cmp.Diff(c.names, slices.Collect(Elements(path))); d != "" {
			t.Errorf("%q -want +got\n%s", path, d)
		}
	}
}

// What is no escape of ours is left as it is.
func TestForeignPercent(t *testing.T) {
	for path, want := range map[string]string{"root/50% off": "50% off", "root/%2f": "%2f", "root/%": "%", "root/%2": "%2"} {
		if got := Name(path); got != want {
			t.Errorf("Name(%q) = %q, want %q", path, got, want)
		}
	}
}

func TestBelow(t *testing.T) {
	for _, c := range []struct {
		path, ancestor string
		want           bool
	}{
		{"root/db", "root", true},
		{"root/db/conn", "root", true},
		{"root/db/conn", "root/db", true},
		{"root", "root", false},
		{"root/dbs", "root/db", false},
		{"root/db", "root/dbs", false},
		{"root/db", "roox", false},
		{"root%2Fdb", "root", false},
		{"root", "", false},
		{"", "", false},
	} {
		if got := Below(c.path, c.ancestor); got != c.want {
			t.Errorf("Below(%q, %q) = %v", c.path, c.ancestor, got)
		}
	}
}

func TestElementsCanBeLeft(t *testing.T) {
	for name := range Elements("a/b/c") {
		if name != "a" {
			t.Error(name)
		}
		break
	}
}

// Paths are compared and looked up all the time: names without escapes cost one
// string, and reading costs none.
func TestAllocations(t *testing.T) {
	path := Join("root", "db")
	if n := testing.AllocsPerRun(100, func() { _, _, _ = Name(path), Parent(path), Depth(path) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzRoundTrip(f *testing.F) {
	f.Add("root", "a/b")
	f.Add("%", "%2F%25/")
	f.Fuzz(func(t *testing.T, root, name string) {
		if root == "" {
			t.Skip("is no path")
		}
		above := Join("", root)
		path := Join(above, name)
		if Name(path) != name || Parent(path) != above || Name(above) != root || Parent(above) != "" {
			t.Errorf("%q: %q below %q", path, Name(path), Parent(path))
		}
		if Depth(path) != 1 || !Below(path, above) || Below(above, path) || strings.Contains(above, "/") {
			t.Errorf("%q is not just below %q", path, above)
		}
		if got := slices.Collect(Elements(path)); !slices.Equal(got, []string{root, name}) {
			t.Errorf("%q is %q", path, got)
		}
	})
}
