package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/tend-go/tend"
)

// patience is how long the tree may take to say how it is. It answers within
// microseconds for each service; one that does not in this time is sick.
const patience = 5 * time.Second

var errNoAnswer = errors.New("the tree does not answer")

// asker asks the tree for its status, one question at a time: those who come
// while one is under way share its answer. So a storm of probes costs no more than
// one, and should the tree not answer, no more than one goroutine waits.
type asker struct {
	ask func() tend.Status

	mu      sync.Mutex
	pending *answer
}

type answer struct {
	given  chan struct{}
	status tend.Status
}

// status returns the answer, or errNoAnswer after patience, or when ctx ends.
func (a *asker) status(ctx context.Context) (tend.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	q := a.question()
	select {
	case <-q.given:
		return q.status, nil
	case <-ctx.Done():
		return tend.Status{}, errNoAnswer
	}
}

// question joins the question that is under way, or asks it.
func (a *asker) question() *answer {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.pending == nil {
		q := &answer{given: make(chan struct{})}
		a.pending = q
		go func() {
			q.status = a.ask()
			a.mu.Lock()
			a.pending = nil
			a.mu.Unlock()
			close(q.given)
		}()
	}
	return a.pending
}
