package stopped

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestErr(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		own := errors.New("moved away")
		wrapping := fmt.Errorf("ran for longer than 1s: %w", context.DeadlineExceeded)
		for _, c := range []struct {
			name string
			ctx  func(context.Context) (context.Context, context.CancelFunc)
			is   []error
			text string
		}{
			{"cancelled", context.WithCancel, []error{context.Canceled}, "context canceled"},
			{"cancelled because", func(ctx context.Context) (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancelCause(ctx)
				return ctx, func() { cancel(own) }
			}, []error{context.Canceled, own}, "context canceled: moved away"},
			{"late", func(ctx context.Context) (context.Context, context.CancelFunc) {
				return context.WithTimeout(ctx, time.Second)
			}, []error{context.DeadlineExceeded}, "context deadline exceeded"},
			{"late because", func(ctx context.Context) (context.Context, context.CancelFunc) {
				return context.WithTimeoutCause(ctx, time.Second, own)
			}, []error{context.DeadlineExceeded, own}, "context deadline exceeded: moved away"},
			{"late because it was late", func(ctx context.Context) (context.Context, context.CancelFunc) {
				return context.WithTimeoutCause(ctx, time.Second, wrapping)
			}, []error{context.DeadlineExceeded, wrapping}, "ran for longer than 1s: context deadline exceeded"},
			{"cancelled because another was late", func(ctx context.Context) (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancelCause(ctx)
				return ctx, func() { cancel(wrapping) }
			}, []error{context.Canceled, context.DeadlineExceeded}, "context canceled: ran for longer than 1s: context deadline exceeded"},
		} {
			ctx, end := c.ctx(t.Context())
			if err := Err(ctx); err != nil {
				t.Errorf("%s: %v before the end", c.name, err)
			}
			time.Sleep(2 * time.Second)
			end()
			err := Err(ctx)
			if err == nil || err.Error() != c.text {
				t.Errorf("%s: %v, want %s", c.name, err, c.text)
			}
			for _, is := range c.is {
				if !errors.Is(err, is) {
					t.Errorf("%s: %v is not %v", c.name, err, is)
				}
			}
		}
	})
}

// Many compare with ==.
func TestErrItself(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Err(ctx); err != context.Canceled {
		t.Errorf("%#v", err)
	}
}

// hostile is a cause that must not be asked.
type hostile struct{ t *testing.T }

func (h hostile) Error() string { h.t.Error("Error was called"); return "" }
func (h hostile) Is(error) bool { h.t.Error("Is was called"); return false }
func (h hostile) Unwrap() error { h.t.Error("Unwrap was called"); return nil }

func TestCauseIsAskedNothing(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(hostile{t})
	if Err(ctx) == nil {
		t.Error("nil after the end")
	}
}
