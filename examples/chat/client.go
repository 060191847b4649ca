package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/actor"
)

// clientMsg is a line to write or, if down is set, that the room has failed.
type clientMsg struct {
	line string
	down *actor.Down
}

// client writes what its room says. One that reads too slowly loses the oldest lines, and
// one that has not read for ten seconds is cut off.
type client struct {
	c    net.Conn
	self *actor.Actor[clientMsg]
	room actor.Address[roomMsg]
}

// writeTime is how long a client may take to read.
const writeTime = 10 * time.Second

func newClient(c net.Conn, room actor.Address[roomMsg]) *actor.Actor[clientMsg] {
	return actor.New(c.RemoteAddr().String()+" out", &actor.Spec[clientMsg]{
		New: func(_ context.Context, self *actor.Actor[clientMsg]) (actor.Handler[clientMsg], error) {
			actor.Watch(self, room, func(d actor.Down) clientMsg { return clientMsg{down: &d} })
			return &client{c, self, room}, nil
		},
		Mailbox: 100, DropOldest: true,
	})
}

func (c *client) Handle(ctx context.Context, m clientMsg) error {
	if m.down != nil {
		if m.down.Err == nil { // nobody talks there any more, or the server stops
			return nil
		}
		m.line = fmt.Sprintf("* the room has failed (%v), you are in again", m.down.Err)
		if err := c.room.Send(ctx, join{who: c.self}); err != nil {
			return err
		}
	}
	return c.write(m.line)
}

// Stop ends the one who reads, too.
func (c *client) Stop(context.Context, error) error {
	_ = c.c.Close()
	return nil
}

func (c *client) write(line string) error {
	_ = c.c.SetWriteDeadline(time.Now().Add(writeTime))
	if _, err := fmt.Fprintln(c.c, line); err != nil {
		return fmt.Errorf("%w: %w", tend.ErrDoNotRestart, err) // it has left, or does not read
	}
	return nil
}

// server accepts connections: each is a service that lives once and reads, and an actor
// that writes.
type server struct {
	*tend.Supervisor

	rooms *actor.Group[string, roomMsg]
}

func (s *server) accept(ctx context.Context, addr string, listening func(net.Addr)) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = l.Close() })()
	listening(l.Addr())
	tend.Ready(ctx)
	for {
		c, err := l.Accept()
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		}
		s.Add(tend.Child{
			Service: tend.Func(c.RemoteAddr().String(), func(ctx context.Context) error { return s.talk(ctx, c) }),
			Restart: tend.Temporary,
		})
	}
}

// talk is one connection: it reads until the client leaves. That a client is cut off is no
// failure of ours.
func (s *server) talk(ctx context.Context, c net.Conn) error {
	defer c.Close()
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	lines := bufio.NewScanner(c)
	if !lines.Scan() {
		return nil
	}
	room := s.rooms.To(lines.Text())
	out := newClient(c, room)
	defer func(t tend.ServiceToken) { _ = s.Remove(t) }(s.Add(tend.Child{Service: out, Restart: tend.Temporary}))

	n, err := actor.Ask(ctx, room, func(r actor.Reply[int]) roomMsg { return join{out, r} })
	if err != nil {
		return err
	}
	defer func() { _ = room.TrySend(leave{out}) }()
	if err := out.Send(ctx, clientMsg{line: fmt.Sprintf("* %d others are in the room", n)}); err != nil {
		return err
	}
	for lines.Scan() {
		if err := room.Send(ctx, say{lines.Text()}); err != nil {
			return err
		}
	}
	return nil
}
