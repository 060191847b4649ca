package actor

import (
	"context"

	"github.com/tend-go/tend/internal/latent"
)

// struck is a handler in whose place a test may fail, with the message in hand.
type struck[M any] struct {
	Handler[M]
	by latent.Striker
}

func (s struck[M]) Handle(ctx context.Context, m M) error {
	if is, err := s.by.Strike(); is {
		return err
	}
	return s.Handler.Handle(ctx, m)
}

// struckStopper is one that has Stop.
type struckStopper[M any] struct {
	struck[M]
	stopper
}

// underTest is h, as it is but in a tree under test.
func underTest[M any](h Handler[M], l latent.Link) Handler[M] {
	by, is := l.(latent.Striker)
	if !is {
		return h
	}
	if s, stops := h.(stopper); stops {
		return struckStopper[M]{struck[M]{h, by}, s}
	}
	return struck[M]{h, by}
}
