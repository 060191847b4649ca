package stopped

import "context"

// HastenedKey is what a context of a service has the channel of [Hastened] for.
type HastenedKey struct{}

// Hastened is closed when the service whose context ctx is, or comes from, is being stopped and
// has less time for that than before: whoever goes by tend.StopBy asks for the channel first,
// then asks StopBy, and does so again when the channel is closed. Outside of a supervisor it is
// nil.
func Hastened(ctx context.Context) <-chan struct{} {
	c, _ := ctx.Value(HastenedKey{}).(<-chan struct{})
	return c
}
