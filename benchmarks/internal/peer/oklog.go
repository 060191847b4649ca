package peer

import (
	"context"
	"errors"

	"github.com/oklog/run"
)

type oklogPeer struct{ noActors }

func (oklogPeer) Name() string   { return "oklog/run" }
func (oklogPeer) Module() string { return "github.com/oklog/run" }

func (oklogPeer) Setup() string {
	return "Add and Run. Each service is an actor with a context of its own; one more actor ends when all are to stop."
}

func (oklogPeer) Cannot(a Ability) string {
	switch a {
	case AddRunning:
		return "Add is for before Run"
	case Restart:
		return "the first end ends the group"
	case Remove:
		return "the first end ends the group"
	case List, Show:
		return "there is no method for it"
	case Nest:
		return "groups do not know each other"
	case Hook, Subscribe:
		return "there are no events"
	case Act, Key, Inline:
		return noneAreActors
	default:
		return ""
	}
}

func (oklogPeer) New(Config) Supervisor {
	s := &oklogSupervisor{stop: make(chan struct{}), ended: make(chan error, 1)}
	s.group.Add(func() error {
		<-s.stop
		return errOklogStop
	}, func(error) {})
	return s
}

var errOklogStop = errors.New("stop")

type oklogSupervisor struct {
	unsupported
	group run.Group
	stop  chan struct{}
	ended chan error
}

func (s *oklogSupervisor) Add(_ int, w Work) {
	ctx, cancel := context.WithCancel(background())
	s.group.Add(func() error { return w.Serve(ctx) }, func(error) { cancel() })
}

func (s *oklogSupervisor) Start() { go func() { s.ended <- s.group.Run() }() }

func (s *oklogSupervisor) Stop() {
	close(s.stop)
	<-s.ended
}
