package stopped

import (
	"context"
	"errors"
)

// between is a context that somebody ends who stands between a service and its supervisor.
type between struct{ above, ctx context.Context }

type betweenKey struct{}

// Between returns ctx, which is below another one, and of which the caller says that it stands
// between a service and its supervisor: it ends ctx at will, as the supervisor does the one
// above, and knows what that means. Helpers that say no more than that have obeyed.
func Between(above, ctx context.Context) context.Context {
	return context.WithValue(ctx, betweenKey{}, between{above, ctx})
}

// isOwn: it has ended, and not just because the one above has.
func (b between) isOwn() bool {
	return b.ctx.Err() != nil && (b.above.Err() == nil || context.Cause(b.above) != context.Cause(b.ctx)) //nolint:errorlint // the same value
}

// Obeys: ctx has been cancelled, or has ended at the will of who called [Between], and err says
// no more than that. That a context of anybody else has come to its deadline is a failure, and
// so is what it was cancelled with: whoever returns that may have done it for a failure of his
// own. It asks ctx and err, which may be user code.
func Obeys(ctx context.Context, err error) bool {
	if ctx.Err() == nil {
		return false
	}
	if errors.Is(ctx.Err(), context.Canceled) && errors.Is(err, context.Canceled) {
		return true
	}
	for {
		b, is := ctx.Value(betweenKey{}).(between)
		switch {
		case !is:
			return false
		case b.isOwn():
			return Says(b.ctx, err)
		}
		ctx = b.above
	}
}
