package process

import (
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
)

// Who asks while a pass is under way shares the next one with all others, and sees
// what was there when it asked.
func TestSurveyIsShared(t *testing.T) {
	var s survey
	s.turn.Lock() // a pass is under way
	first, carry := s.join()
	if !carry {
		t.Fatal("nobody is to carry it out")
	}
	own := syscall.Getpgrp()
	var others sync.WaitGroup
	for range 10 {
		if p, carry := s.join(); p != first || carry {
			t.Error("it is not shared")
		}
		others.Go(func() {
			<-first.done
			if !slices.Contains(first.members[own], os.Getpid()) {
				t.Errorf("%v without %d", first.members[own], os.Getpid())
			}
		})
	}
	s.turn.Unlock()
	s.carryOut(first)
	others.Wait()
	if p, carry := s.join(); p == first || !carry {
		t.Error("who asks after a pass gets its old news")
	}
}

// Nobody is known to be gone where the processes cannot be seen.
func TestMembersAreNotAllWithoutProc(t *testing.T) {
	foreign := t.TempDir() // of another namespace
	if err := os.Symlink("0", foreign+"/self"); err != nil {
		t.Fatal(err)
	}
	for proc, want := range map[string]bool{procDir: true, t.TempDir(): false, foreign: false} {
		if _, all := members(proc); all != want {
			t.Errorf("%s: all is %v", proc, all)
		}
	}
}
