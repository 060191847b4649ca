package tend

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/tend-go/tend/internal/goroutines"
	"github.com/tend-go/tend/internal/latent"
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
	of     stackOf
	answer func(stacks string)
}

// stackOf is whose stacks are looked for.
type stackOf struct {
	number uint64 // of the service or, of a latent one, the worker that has it; 0: none has
	latent bool
}

// stackOf says where the stacks of n are now. Only the owner of the plan may call it.
func (n *node) stackOf() stackOf {
	if l := n.latent(); l != nil {
		return stackOf{l.Worker(), true}
	}
	return stackOf{n.id, false}
}

// finder is the stackFinder of s, which most never need.
func (s *Supervisor) finder() *stackFinder {
	if s.stacks.Load() == nil {
		s.stacks.CompareAndSwap(nil, &stackFinder{})
	}
	return s.stacks.Load()
}

// find calls answer, on another goroutine, with the stacks of a service of s, or with a
// word why there are none.
func (f *stackFinder) find(s *Supervisor, of stackOf, answer func(string)) {
	f.mu.Lock()
	f.asked = append(f.asked, stackQuestion{s, of, answer})
	f.mu.Unlock()
	f.strand.Wake(f.answerAll)
}

func (f *stackFinder) answerAll() {
	f.mu.Lock()
	asked := f.asked
	f.asked = nil
	f.mu.Unlock()
	for _, q := range asked {
		stacks, err := q.s.stacksOf(q.of)
		if err != nil {
			stacks = err.Error()
		}
		q.answer(stacks)
	}
}

var (
	errNoLabels = errors.New("tend: no stacks: Spec.NoLabels is set")
	errNoTurn   = errors.New("tend: no stacks: it has no message in hand, or on a goroutine that asks")
	errNoStack  = errors.New("tend: no stacks: no goroutine has its label")
)

// stacksOf are the stacks of a service of s.
func (s *Supervisor) stacksOf(of stackOf) (string, error) {
	switch {
	case of.latent && of.number == 0:
		return "", errNoTurn
	case s.plan.spec.NoLabels && !of.latent: // workers have theirs
		return "", errNoLabels
	}
	found, err := s.root().finder().look()
	if err != nil {
		return "", fmt.Errorf("tend: no stacks: %w", err)
	}
	stacks := found[of.number]
	if of.latent {
		stacks = ofWorker(stacks)
	}
	if stacks == "" {
		return "", errNoStack
	}
	return stacks, nil
}

// ofWorker leaves of the stacks of a worker's goroutines its own: a turn may have started
// others, for other actors, too.
func ofWorker(stacks string) string {
	for block := range strings.SplitSeq(stacks, "\n\n") {
		if strings.Contains(block, latent.FrameOfWorker) {
			return block
		}
	}
	return ""
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
