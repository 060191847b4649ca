package tendtest

import (
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing/synctest"
	"time"

	labelled "github.com/tend-go/tend/internal/goroutines"
)

// patience is for how long something may go on after the end of a tree or a service before
// it counts as left behind: what is about to end does so.
const patience = time.Second

// goroutines are those of a bubble, or of the program outside of any, by their numbers.
type goroutines struct {
	bubble string            // its number; empty: none
	stacks map[string]string // the whole text about each
}

// header is the first line about a goroutine in a traceback.
var header = regexp.MustCompile(`^goroutine (\d+)[^\[]*\[([^\]]*)\]`)

// here are the goroutines of the bubble of the caller, without the caller.
func here() goroutines {
	blocks := strings.Split(traceback(), "\n\n")
	self, bubble := parse(blocks[0])
	found := goroutines{bubble, map[string]string{}}
	for _, block := range blocks[1:] {
		if id, b := parse(block); b == bubble && id != "" && id != self {
			found.stacks[id] = strings.TrimSpace(block)
		}
	}
	return found
}

// parse is the number of a goroutine and that of its bubble.
func parse(block string) (id, bubble string) {
	m := header.FindStringSubmatch(block)
	if m == nil {
		return "", ""
	}
	_, bubble, _ = strings.Cut(m[2], "synctest bubble ")
	return m[1], bubble
}

// traceback is that of all goroutines, the caller's first.
func traceback() string {
	for size := 1 << 16; ; size *= 2 {
		buffer := make([]byte, size)
		if n := runtime.Stack(buffer, true); n < size {
			return string(buffer[:n])
		}
	}
}

// since are the stacks of goroutines that were not there before and are now, in order; of a
// bubble, after its time has moved on by patience.
func (before goroutines) since() []string {
	deadline := time.Now().Add(patience)
	for {
		if before.bubble != "" {
			synctest.Wait()
		}
		stacks := before.new()
		if len(stacks) == 0 || !time.Now().Before(deadline) {
			return stacks
		}
		time.Sleep(patience / 20)
	}
}

func (before goroutines) new() (stacks []string) {
	for id, stack := range here().stacks {
		if before.stacks[id] == "" {
			stacks = append(stacks, stack)
		}
	}
	slices.Sort(stacks)
	return stacks
}

// reportLeft says what is still there of a tree that has ended.
func (tr *Tree) reportLeft() {
	tr.t.Helper()
	stacks := tr.left()
	for _, stuck := range tr.Root.UnstoppedServices() {
		tr.t.Errorf("tendtest: %s is still on the books: it was asked to stop (%v) and has not returned", stuck.Path(), stuck.Cause)
	}
	if len(stacks) > 0 {
		tr.t.Errorf("tendtest: %d goroutines are left behind:\n\n%s", len(stacks), strings.Join(stacks, "\n\n"))
	}
}

// left are the stacks of what the tree has left behind.
func (tr *Tree) left() []string {
	if tr.before.bubble != "" {
		return tr.before.since()
	}
	deadline := time.Now().Add(patience)
	for {
		stacks := tr.faults.labelled()
		if len(stacks) == 0 || time.Now().After(deadline) {
			return stacks
		}
		time.Sleep(patience / 100)
	}
}

// labelled are the stacks of goroutines with the label of a service that has been served
// with these faults: outside of a bubble others may run tests, too.
func (f *faults) labelled() (stacks []string) {
	found, err := labelled.Find(labelled.Label, func(label string) bool { return f.hasServed(labelled.IDOf(label)) })
	if err != nil {
		return []string{err.Error()}
	}
	for label, text := range found {
		stacks = append(stacks, label+"\n"+text)
	}
	slices.Sort(stacks)
	return stacks
}
