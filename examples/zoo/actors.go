package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/actor"
)

// letter is what the actors of the zoo are sent: how long it takes, and what comes of it.
type letter struct {
	takes   time.Duration
	deaf    bool // to the end of the run
	fails   error
	forward *actor.Actor[letter]
	reply   actor.Reply[string]
}

// clerk handles letters as they say.
func clerk(context.Context, *actor.Actor[letter]) (actor.Handler[letter], error) {
	return actor.Func[letter](func(ctx context.Context, l letter) error {
		if l.deaf {
			waitForLock(l.takes)
		} else if !sleep(ctx, l.takes) {
			return ctx.Err()
		}
		if l.forward != nil {
			if _, err := ask(ctx, l.forward, letter{}); err != nil {
				return fmt.Errorf("asking %v: %w", l.forward, err)
			}
		}
		l.reply.Send("done")
		return l.fails
	}), nil
}

// waitForLock hangs whatever happens. Its name is what one looks for in the stacks.
func waitForLock(d time.Duration) { time.Sleep(d) }

// ask sends a letter and waits for the answer.
func ask(ctx context.Context, to *actor.Actor[letter], l letter) (string, error) {
	return actor.Ask(ctx, to, func(r actor.Reply[string]) letter { l.reply = r; return l })
}

// newClerk makes an actor of the zoo.
func newClerk(name string, spec actor.Spec[letter]) *actor.Actor[letter] {
	spec.New = clerk
	return actor.New(name, &spec)
}

// every sends a letter to an actor again and again, and does not care whether it is taken.
func every(d time.Duration, to *actor.Actor[letter], l letter) tend.Service {
	return tend.Func("letters-for-"+to.String(), func(ctx context.Context) error {
		for {
			_ = to.TrySend(l)
			if !sleep(ctx, d) {
				return ctx.Err()
			}
		}
	})
}

// offices are actors in every kind of trouble that there is for them, and those who write
// to them.
func offices() *tend.Supervisor {
	s := tend.New("offices", tend.Spec{Timeout: 3 * time.Second})
	patient := tend.Child{Backoff: tend.Backoff{Min: 8 * time.Second, Max: time.Minute}}
	healthy := newClerk("healthy", actor.Spec[letter]{})
	addAll(s, healthy, every(100*time.Millisecond, healthy, letter{takes: time.Millisecond}))
	addFull(s)

	dropping := newClerk("drops-the-oldest", actor.Spec[letter]{Mailbox: 4, DropOldest: true})
	addAll(s, dropping, every(time.Second, dropping, letter{takes: 5 * time.Second}))

	behind := newClerk("falls-behind", actor.Spec[letter]{Mailbox: 1000})
	addAll(s, behind, every(2*time.Second, behind, letter{takes: 3 * time.Second}))

	failing := newClerk("fails-with-a-letter", actor.Spec[letter]{Child: patient})
	addAll(s, failing, every(5*time.Second, failing, letter{fails: errors.New("illegible handwriting")}))

	spent := newClerk("gave-up", actor.Spec[letter]{Child: tend.Child{Backoff: tend.Backoff{Min: time.Second}, Limit: tend.Limit{N: 3}}})
	addAll(s, spent, every(time.Second, spent, letter{fails: errors.New("out of ink")}))

	hanging := newClerk("hangs", actor.Spec[letter]{})
	addAll(s, hanging, every(10*time.Second, hanging, letter{takes: 100 * time.Second, deaf: true}))

	watched := newClerk("hangs-and-is-watched", actor.Spec[letter]{Child: tend.Child{Watchdog: 20 * time.Second}})
	addAll(s, watched, every(50*time.Second, watched, letter{takes: 100 * time.Second}))
	addCircle(s, patient)
	addStuck(s)
	return s
}

// addFull adds one who is slow, and one who waits for room in its mailbox.
func addFull(s *tend.Supervisor) {
	full := newClerk("full", actor.Spec[letter]{Mailbox: 3})
	addAll(s, full, tend.Func("waits-for-room", func(ctx context.Context) error {
		for {
			if err := full.Send(ctx, letter{takes: 7 * time.Second}); err != nil {
				return err
			}
		}
	}))
}

// addCircle adds two of whom each asks the other now and then while that asks: one is told
// at once that the wait would never end, and fails.
func addCircle(s *tend.Supervisor, child tend.Child) {
	left, right := newClerk("left-hand", actor.Spec[letter]{Child: child}), newClerk("right-hand", actor.Spec[letter]{Child: child})
	addAll(s, left, right,
		every(20*time.Second, left, letter{takes: time.Second, forward: right}),
		every(20*time.Second, right, letter{takes: time.Second, forward: left}))
}

// addStuck adds one who does not stop in time when somebody wants it to, and one who waits
// for its answer, and learns that there will be none.
func addStuck(s *tend.Supervisor) {
	stuck := newClerk("ignores-stop", actor.Spec[letter]{})
	token := s.Add(stuck)
	addAll(s,
		tend.Child{Backoff: tend.Backoff{Min: 40 * time.Second}, Service: tend.Func("waits-for-an-answer", func(ctx context.Context) error {
			_, err := ask(ctx, stuck, letter{takes: 30 * time.Second, deaf: true})
			return err
		})},
		tend.Func("wants-another", func(ctx context.Context) error {
			for sleep(ctx, 15*time.Second) {
				_ = s.Restart(token, nil)
			}
			return ctx.Err()
		}))
}
