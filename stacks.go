package tend

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tend-go/tend/internal/goroutines"
	"github.com/tend-go/tend/internal/strand"
)

// stacksKept is for how long what was found serves everybody who asks.
const stacksKept = time.Second

// stackFinder finds the stacks of a service's goroutines by their pprof label.
// The one of the root of a tree serves the whole tree. It goes by the time of the
// machine and not by the tree's clock: what it bounds is the machine's work.
type stackFinder struct {
	strand strand.Strand

	mu    sync.Mutex
	asked []stackQuestion

	looking sync.Mutex        // one looks for all
	found   map[uint64]string // by the number of the service
	err     error
	fresh   bool // what was found is not old
}

type stackQuestion struct {
	s      *Supervisor
	n      *node
	answer func(stacks string)
}

// finder is the stackFinder of s, which most never need.
func (s *Supervisor) finder() *stackFinder {
	if s.stacks.Load() == nil {
		s.stacks.CompareAndSwap(nil, &stackFinder{})
	}
	return s.stacks.Load()
}

// find calls answer, on another goroutine, with the stacks of n, which is a service
// of s, or with a word why there are none.
func (f *stackFinder) find(s *Supervisor, n *node, answer func(string)) {
	f.mu.Lock()
	f.asked = append(f.asked, stackQuestion{s, n, answer})
	f.mu.Unlock()
	f.strand.Wake(f.answerAll)
}

func (f *stackFinder) answerAll() {
	f.mu.Lock()
	asked := f.asked
	f.asked = nil
	f.mu.Unlock()
	for _, q := range asked {
		stacks, err := q.s.stacksOf(q.n)
		if err != nil {
			stacks = err.Error()
		}
		q.answer(stacks)
	}
}

var (
	errNoLabels = errors.New("tend: no stacks: Spec.NoLabels is set")
	errNoStack  = errors.New("tend: no stacks: no goroutine has its label")
)

// stacksOf are the stacks of n, a service of s.
func (s *Supervisor) stacksOf(n *node) (string, error) {
	if s.plan.spec.NoLabels {
		return "", errNoLabels
	}
	found, err := s.root().finder().look()
	if err != nil {
		return "", fmt.Errorf("tend: no stacks: %w", err)
	}
	if stacks, ok := found[n.id]; ok {
		return stacks, nil
	}
	return "", errNoStack
}

// look returns the stacks of all services by their number.
func (f *stackFinder) look() (map[uint64]string, error) {
	f.looking.Lock()
	defer f.looking.Unlock()
	if !f.fresh {
		found, err := goroutines.Find(goroutines.Label, func(string) bool { return true })
		f.found, f.err, f.fresh = map[uint64]string{}, err, true
		for label, text := range found { // two of a service that was stuck when its supervisor moved
			f.found[goroutines.IDOf(label)] += text
		}
		time.AfterFunc(stacksKept, f.forget)
	}
	return f.found, f.err
}

func (f *stackFinder) forget() {
	f.looking.Lock()
	defer f.looking.Unlock()
	f.found, f.err, f.fresh = nil, nil, false
}
