package main

import (
	"context"
	"errors"
	"time"

	"github.com/tend-go/tend/actor"
)

// What a room understands.
type (
	roomMsg interface{ room() }
	join    struct {
		who   *actor.Actor[clientMsg]
		reply actor.Reply[int] // how many were there before
	}
	leave struct{ who *actor.Actor[clientMsg] }
	say   struct{ text string }
)

func (join) room()  {}
func (leave) room() {}
func (say) room()   {}

// room is who is in it. When it fails it begins empty, and those who watch it join again.
type room struct {
	members map[*actor.Actor[clientMsg]]struct{}
}

// newRooms are the rooms by name. One that is empty sleeps: nothing in it would be lost.
func newRooms() *actor.Group[string, roomMsg] {
	return actor.NewGroup("rooms", actor.GroupSpec[string, roomMsg]{
		New: func(context.Context, *actor.Actor[roomMsg], string) (actor.Handler[roomMsg], error) {
			return &room{map[*actor.Actor[clientMsg]]struct{}{}}, nil
		},
		Actor: actor.Spec[roomMsg]{Mailbox: 1000},
		Idle:  time.Minute, // of rooms that nobody watches
	})
}

func (r *room) Handle(_ context.Context, m roomMsg) error {
	switch m := m.(type) {
	case join:
		m.reply.Send(len(r.members))
		r.members[m.who] = struct{}{}
	case leave:
		delete(r.members, m.who)
	case say:
		if m.text == "/crash" {
			panic("somebody said /crash")
		}
		r.tell(clientMsg{line: m.text})
	}
	return nil
}

// tell waits for nobody: the mailboxes of clients drop what is oldest.
func (r *room) tell(m clientMsg) {
	for who := range r.members {
		if errors.Is(who.TrySend(m), actor.ErrGone) {
			delete(r.members, who)
		}
	}
}
