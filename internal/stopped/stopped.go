// Package stopped is about services that are being stopped: the error of what ended because its
// context did, and how they learn that they have less time for it.
package stopped

import (
	"context"
	"errors"
)

// Err is nil until ctx is done. Then it is an error that is both ctx.Err() and the
// cause, or ctx.Err() itself if that is the cause. Its text is "context canceled: "
// and the cause, or the cause alone if that wraps ctx.Err() and so says it.
//
// A cause is user code, which may hang or panic. It is asked nothing by Err, only
// by who asks the error for its text or what it is. That is also why a cause that
// wraps ctx.Err() is not returned as it is: to find out would be to ask it.
func Err(ctx context.Context) error {
	err := ctx.Err()
	if err == nil {
		return nil
	}
	cause := context.Cause(ctx)
	if cause == err { //nolint:errorlint // the same value, not the same kind
		return err
	}
	return &both{err, cause}
}

// both is that a context ended for a reason of its own.
type both struct{ err, cause error }

func (b *both) Error() string {
	if errors.Is(b.cause, b.err) {
		return b.cause.Error()
	}
	return b.err.Error() + ": " + b.cause.Error()
}

func (b *both) Unwrap() []error { return []error{b.err, b.cause} }

// Says: ctx is done, and err says no more than that. It asks err, which is user code.
func Says(ctx context.Context, err error) bool {
	return ctx.Err() != nil && (errors.Is(err, ctx.Err()) || errors.Is(err, context.Cause(ctx)))
}
