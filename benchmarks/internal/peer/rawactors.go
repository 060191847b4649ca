package peer

import (
	"context"
	"runtime"
	"sync"
)

// Actors are a channel and a goroutine each.
func (raw) Actors(c ActorConfig) Actors {
	return &rawActors{mailbox: c.Mailbox, boxes: make([]chan rawMessage, c.Actors)}
}

type rawActors struct {
	mailbox int
	boxes   []chan rawMessage
	wg      sync.WaitGroup
}

type rawMessage struct {
	n     int
	reply chan<- int // nil: nobody waits
}

func (s *rawActors) Add(i int, h Handler) {
	box := make(chan rawMessage, s.mailbox)
	s.boxes[i] = box
	s.wg.Go(func() {
		for closed := false; !closed; {
			closed, _ = receive(box, h)
		}
	})
}

// receive is one run. It ends when box is closed, or with a panic, and keeps where that was.
func receive(box <-chan rawMessage, h Handler) (closed bool, panicked []uintptr) {
	defer func() {
		if v := recover(); v != nil {
			panicked = make([]uintptr, 64)
			panicked = panicked[:runtime.Callers(2, panicked)]
		}
	}()
	h.Begin()
	for m := range box {
		answer := h.Handle(background(), m.n)
		if m.reply != nil {
			m.reply <- answer
		}
	}
	return true, nil
}

func (s *rawActors) Send(_ context.Context, i, m int) { s.boxes[i] <- rawMessage{n: m} }

func (s *rawActors) Ask(_ context.Context, i, m int) int {
	reply := make(chan int, 1)
	s.boxes[i] <- rawMessage{m, reply}
	return <-reply
}

func (s *rawActors) Stop() {
	for _, box := range s.boxes {
		close(box)
	}
	s.wg.Wait()
}
