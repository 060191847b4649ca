package peer

import (
	"context"

	"golang.org/x/sync/errgroup"
)

type errgroupPeer struct{ noActors }

func (errgroupPeer) Name() string   { return "errgroup" }
func (errgroupPeer) Module() string { return "golang.org/x/sync" }

func (errgroupPeer) Setup() string {
	return "WithContext and Go. All services share the group's context, so none can be stopped alone, and nothing is kept of each."
}

func (errgroupPeer) Cannot(a Ability) string {
	switch a {
	case AddBefore:
		return "Go starts at once"
	case Restart:
		return "the first failure ends the group"
	case Remove:
		return "all share one context"
	case List, Show:
		return "nothing is kept of them"
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

func (errgroupPeer) New(Config) Supervisor { return &errgroupSupervisor{} }

type errgroupSupervisor struct {
	unsupported
	group  *errgroup.Group
	ctx    context.Context
	cancel context.CancelFunc
}

func (s *errgroupSupervisor) Add(_ int, w Work) {
	s.group.Go(func() error { return w.Serve(s.ctx) })
}

func (s *errgroupSupervisor) Start() {
	ctx, cancel := context.WithCancel(background())
	s.cancel = cancel
	s.group, s.ctx = errgroup.WithContext(ctx)
}

func (s *errgroupSupervisor) Stop() {
	s.cancel()
	_ = s.group.Wait() // that the context was cancelled
}
