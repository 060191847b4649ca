package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/asked"
	"github.com/tend-go/tend/tendtest"
)

// newBundler makes one for a tree that is not served, without flight recorder.
func newBundler(t *testing.T, name string) (*bundler, *buffer) {
	root := tend.New(name, tend.Spec{})
	root.Add(tendtest.Idle("web"))
	log := &buffer{}
	tree := &asked.Question[tend.Status]{Ask: root.Status}
	return &bundler{
		dir: t.TempDir(), name: name, root: root, tree: tree, log: logTo(log),
		journal: &journal{root: name, done: make(chan struct{})},
	}, log
}

func names(t *testing.T, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func TestBundle(t *testing.T) {
	b, _ := newBundler(t, "my/shop")
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	failed := tend.ServiceFailed{
		Origin: tend.Origin{Time: at, Supervisor: "my%2Fshop", Service: "web"}, Err: tend.Reason{Err: io.EOF, Text: "EOF"},
	}
	b.journal.keep(failed)
	b.about("because I say so")
	found := names(t, b.dir)
	if len(found) != 1 || !strings.HasPrefix(found[0], "my_shop-crash-") {
		t.Fatalf("there is %q", found)
	}
	dir := filepath.Join(b.dir, found[0])
	if diff := cmp.Diff([]string{"events.jsonl", "goroutines.txt", "report.txt", "tree.json"}, names(t, dir)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	read := func(name string) string {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
		return string(data)
	}
	contains(t, read("report.txt"), "my/shop, process ", "\nbecause I say so\n", "└─ web", "pending")
	contains(t, read("goroutines.txt"), "app.TestBundle(")
	var tree tend.Status
	if err := json.Unmarshal([]byte(read("tree.json")), &tree); err != nil || len(tree.Services) != 1 || tree.Services[0].Name != "web" {
		t.Errorf("tree.json: %v, %v", tree, err)
	}
	event, err := failed.Kind().Decode([]byte(read("events.jsonl")))
	if diff := cmp.Diff(tend.Event(failed), event); diff != "" || err != nil {
		t.Errorf("the event: %v, -want +got\n%s", err, diff)
	}
}

// Only the newest are kept, and only what are bundles of this program goes.
func TestBundlesPruned(t *testing.T) {
	b, _ := newBundler(t, "shop")
	others := []string{"shop-crash-notes", "shop2-crash-20200101T000000.000000Z", "something"}
	for _, name := range others {
		if err := os.Mkdir(filepath.Join(b.dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for i := range bundlesKept + 3 {
		if err := os.Mkdir(filepath.Join(b.dir, fmt.Sprintf("shop-crash-202001%02dT000000.000000Z", i+1)), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	old, young := ".shop-crash-1", ".shop-crash-2"
	for _, name := range []string{old, young} {
		if err := os.Mkdir(filepath.Join(b.dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	yesterday := time.Now().Add(-24 * time.Hour)
	if err := os.Chtimes(filepath.Join(b.dir, old), yesterday, yesterday); err != nil {
		t.Fatal(err)
	}
	b.about("one more")
	want := []string{young}
	for i := 4; i < bundlesKept+3; i++ {
		want = append(want, fmt.Sprintf("shop-crash-202001%02dT000000.000000Z", i+1))
	}
	found := names(t, b.dir)
	newest := found[bundlesKept]
	want = append(append(want, newest), others...)
	if diff := cmp.Diff(want, found); diff != "" || !strings.HasPrefix(newest, "shop-crash-20") || strings.HasPrefix(newest, "shop-crash-202001") {
		t.Errorf("-want +got\n%s", diff)
	}
}

// Those with a stamp from the future are from before the clock was set back.
func TestBundlesOfTheFutureGoFirst(t *testing.T) {
	b, log := newBundler(t, "shop")
	for i := range bundlesKept {
		name := filepath.Join(b.dir, fmt.Sprintf("shop-crash-299901%02dT000000.000000Z", i+1))
		if err := os.Mkdir(name, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name+".txt", []byte("panic: ouch"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	words := filepath.Join(b.dir, b.prefix()+"20200101T000000.000000Z.txt")
	if err := os.WriteFile(words, []byte("panic: ouch"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.about("one more")
	b.about("and another one")
	if err := b.pruneWords(); err != nil {
		t.Fatal(err)
	}
	found := names(t, b.dir)
	var present []string
	for _, name := range found {
		if !strings.HasPrefix(name, "shop-crash-2999") {
			present = append(present, name)
		}
	}
	if len(found) != 2*bundlesKept || len(present) != 3 {
		t.Errorf("of %q it has kept %q\n%s", found, present, log)
	}
}

// Escalations that follow each other make one bundle a minute.
func TestBundlesOfEscalations(t *testing.T) {
	b, _ := newBundler(t, "shop")
	synctest.Test(t, func(t *testing.T) {
		for range 150 {
			b.escalated(tend.Escalated{Err: &tend.TooManyFailures{}})
			synctest.Wait()
			time.Sleep(time.Second)
		}
	})
	if found := names(t, b.dir); len(found) != 3 {
		t.Errorf("there is %q", found)
	}
}

func TestBundleFails(t *testing.T) {
	b, log := newBundler(t, "shop")
	if err := os.RemoveAll(b.dir); err != nil {
		t.Fatal(err)
	}
	b.about("the disk is gone")
	contains(t, log.String(), "level=ERROR msg=\"no crash bundle\"")

	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	b.dir = filepath.Join(path, "below")
	if err := b.open(t.Context()); err == nil {
		t.Error("a directory was made in a file")
	}
}

// A part that fails is left out; the rest is there.
func TestBundlePart(t *testing.T) {
	dir := t.TempDir()
	err := errors.Join(
		file(dir, "a", func(io.Writer) error { return io.ErrShortWrite }),
		file(dir, "b", func(io.Writer) error { panic("ouch") }),
		file(dir, "c", func(w io.Writer) error { _, err := io.WriteString(w, "c"); return err }),
		file(dir, "c", func(io.Writer) error { return nil }),
	)
	if !errors.Is(err, io.ErrShortWrite) || !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), "b: panic: ouch") {
		t.Errorf("got %v", err)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "c")); string(data) != "c" {
		t.Errorf("%q, %v", data, err)
	}
}

// The ring holds the last events, oldest first.
func TestJournalRing(t *testing.T) {
	j := &journal{}
	for i := range 2*kept + 10 {
		j.keep(tend.SupervisorStarted{Services: i})
	}
	latest := j.latest()
	first, last := latest[0].(tend.SupervisorStarted), latest[len(latest)-1].(tend.SupervisorStarted)
	if len(latest) != kept || first.Services != kept+10 || last.Services != 2*kept+9 {
		t.Errorf("%d events, %d to %d", len(latest), first.Services, last.Services)
	}
}
