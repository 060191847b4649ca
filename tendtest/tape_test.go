package tendtest_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/tendtest"
)

// played runs a user's test with the tape of a tree in which a has failed twice, the second
// time a second after the first.
func played(t *testing.T, test func(*tendtest.Tree)) (f *fake) {
	bubble(t, func(t *testing.T) {
		f = try(t, func(t testing.TB) {
			tree := tendtest.New(t, root(tend.Spec{}, idle("a")))
			tree.Serve()
			tree.Fail("root/a", errBoom)
			tree.Sleep(time.Second)
			test(tree)
		})
	})
	return f
}

// TestWant: the lines are compared exactly, and shown.
func TestWant(t *testing.T) {
	f := played(t, func(tree *tendtest.Tree) {
		tree.Tape.Want("0s root supervisor started services=1", "0s root/a service started",
			"0s root/a service failed err=boom count=1 threshold=5 restarting", "0s root/a service started restarts=1")
		tree.Tape.Want()
		tree.Panic("root/a", "boom again")
		tree.Tape.Want("1s root/a service failed err=boom")
	})
	wantFailures(t, f, "events are\n\t1s root/a service failed err=\"panic: boom again\" ran=1s count=1.977 threshold=5 restarting\n\t1s root/a service started restarts=2\nwant\n\t1s root/a service failed err=boom")
}

// TestWantAmong: others may be between, and fields, and parts of words.
func TestWantAmong(t *testing.T) {
	for _, c := range []struct {
		want []string
		ok   bool
	}{
		{nil, true},
		{[]string{"0s root/a service failed"}, true},
		{[]string{"* * service failed err=* threshold=5"}, true},
		{[]string{"* root/* service failed err=b*m restarting"}, true},
		{[]string{`1s root/a service failed err="panic: boom again" restarting`}, true},
		{[]string{`* root/a service failed err="open C:\\" restarting`, "* root/a service started restarts=3"}, true},
		{[]string{`* root/a service failed err="say \"no\" \\" threshold=5`}, true},
		{[]string{"0s root/a service failed", "1s root/a service failed", "1s root/a service started"}, true},
		{[]string{"1s root/a service failed", "0s root/a service failed"}, false},
		{[]string{"* root/a failed"}, false},
		{[]string{"* root service failed"}, false},
		{[]string{"* root/a service failed restarting err=boom"}, false},
		{[]string{"* root/a service failed err=boo"}, false},
		{[]string{"0s root/a service failed", "0s root/a service failed"}, false},
	} {
		t.Run(strings.Join(c.want, ";"), func(t *testing.T) {
			f := played(t, func(tree *tendtest.Tree) {
				tree.Panic("root/a", "boom again")
				tree.Fail("root/a", errors.New(`open C:\`))
				tree.Fail("root/a", errors.New(`say "no" \`))
				tree.Tape.WantAmong(c.want...)
			})
			if c.ok {
				wantFailures(t, f)
				return
			}
			wantFailures(t, f, "events are\n\t0s root supervisor started … and among them, in order, should be\n\t"+c.want[0]+" … but there is no\n\t"+c.want[len(c.want)-1])
		})
	}
}

// TestSince: what came after a mark, however often, and whatever else was looked at.
func TestSince(t *testing.T) {
	played(t, func(tree *tendtest.Tree) {
		mark := tree.Tape.Mark()
		tree.Fail("root/a", errBoom)
		want := []string{"1s root/a service failed err=boom ran=1s count=1.977 threshold=5 restarting", "1s root/a service started restarts=2"}
		for range 2 {
			if d := cmp.Diff(want, tree.Tape.Since(mark)); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		}
		if d := cmp.Diff(want[1:], tree.Tape.Since(mark, tend.ServiceStarted{}.Kind())); d != "" {
			t.Errorf("-want +got\n%s", d)
		}
		if n := len(tree.Tape.Lines()); n != 6 {
			t.Errorf("%d lines", n)
		}
	})
}

// TestWantFile: a file that is not there, is another, is written, and is the same.
func TestWantFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "testdata", "a.tape")
	compare := func(tree *tendtest.Tree) { tree.Tape.WantFile(path) }
	wantFailures(t, played(t, compare), "there is no "+path+" yet: -tendtest.update writes it; events are\n0s root supervisor started services=1\n")
	_ = flag.Set("tendtest.update", "true")
	f := played(t, compare)
	_ = flag.Set("tendtest.update", "false")
	wantFailures(t, f)
	text, _ := os.ReadFile(path)
	want := "0s root supervisor started services=1\n0s root/a service started\n0s root/a service failed err=boom count=1 threshold=5 restarting\n0s root/a service started restarts=1\n"
	if string(text) != want {
		t.Errorf("written is\n%s", text)
	}
	wantFailures(t, played(t, compare))
	_ = os.WriteFile(path, []byte(want[:37]+"\n"), 0o600)
	wantFailures(t, played(t, compare), "a.tape: events are\n0s root supervisor started services=1\n0s root/a … want\n0s root supervisor started services=1\n … -tendtest.update writes them")
}
