package peer

import "context"

// Handler is what an actor does, as all peers run it. One value is as many actors as it is
// added as.
type Handler interface {
	// Begin is called when a run begins, before its first message.
	Begin()
	// Handle gets one message at a time, and returns the answer for whoever has asked. It
	// sends with ctx. After a panic the next message is for the next run.
	Handle(ctx context.Context, m int) int
}

// ActorConfig says what actors are going to be used for.
type ActorConfig struct {
	// Actors is how many will be added, so that what the harness keeps of them can be made
	// before anything is measured.
	Actors int
	// Mailbox is how many messages may wait for one, if the library has a bound.
	Mailbox int
	// Hook: events go to a hook, which does nothing with them, and not where they go by
	// default.
	Hook bool
	// Keyed: actors are found by a key, which is their number, and have the same Handler.
	// Only for peers that can [Key].
	Keyed bool
	// Inline: an answer may be made on the goroutine of who asks. Only for peers that can
	// [Inline].
	Inline bool
}

// Actors are the actors of one program, which run as soon as they are added. What
// does not work panics.
type Actors interface {
	// Add adds h as number i, less than ActorConfig.Actors and used once. It need not wait
	// for Begin. It is called by one goroutine.
	Add(i int, h Handler)
	// Send sends m to number i, from anywhere. If there is a bound it waits for room.
	Send(ctx context.Context, i, m int)
	// Ask sends m to number i and waits for the answer.
	Ask(ctx context.Context, i, m int) int
	// Stop stops all and waits for them. They are not used again.
	Stop()
}
