package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/retry"
)

// Each sender waits 1 s, 2 s, 4 s … up to 15 minutes, whatever the others do.
func TestBackoffTimeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline()
		n := clair(put(t, l, "a"), newFake(l, "mail", failing(13)))
		n.attempts = 20
		n.lockTTL = 240 * time.Hour
		serve(t, n, 24*time.Hour)
		l.want(t, `mail!a@0s mail!a@1s mail!a@3s mail!a@7s mail!a@15s mail!a@31s mail!a@1m3s mail!a@2m7s
			mail!a@4m15s mail!a@8m31s mail!a@17m3s mail!a@32m3s mail!a@47m3s mail:a@1h2m3s unlock:a@1h2m3s`)
	})
}

// The queue is worked on one by one; a new notification is found by the next poll.
func TestPollTimeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline()
		s := put(t, l, "a", "b")
		time.AfterFunc(6*time.Minute, func() { s.put(t, "c") })
		serve(t, clair(s, newFake(l, "mail", taking(time.Minute))), time.Hour)
		l.want(t, "mail:a@1m unlock:a@1m mail:b@2m unlock:b@2m mail:c@8m unlock:c@8m")
	})
}

// Without senders the work is over at once, and nothing was taken for sent: neither
// locked nor finished nor even looked for.
func TestNoSendersTouchesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline()
		s := put(t, l, "a", "b")
		n := clair(s)
		root, _, err := tree(n, "")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := root.Serve(ctx); !errors.Is(err, errDisabled) || !errors.Is(err, tend.ErrDoNotRestart) {
			t.Errorf("the tree returned %v", err)
		}
		l.want(t, "")
		if size, _ := s.size(t.Context()); size != 2 || time.Since(l.start) != 0 {
			t.Errorf("%d are left after %v", size, time.Since(l.start))
		}
	})
}

// --- Clair's defects, each of them as a requirement

// (1) A stop interrupts anything, a send as well as a wait. The tree stops at once
// and the lock is free (serve checks both), and nothing was postponed: the next
// start goes on.
func TestClair1StopInterruptsAnything(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(context.Context, string, int) error
		after  time.Duration
		want   string
	}{
		"a send": {taking(90 * time.Second), time.Minute, "mail!a@1m unlock:a@1m mail:a@2m31s unlock:a@2m31s mail:b@4m1s unlock:b@4m1s"},
		"a wait": {failing(3), 4 * time.Second, `mail!a@0s mail!a@1s mail!a@3s unlock:a@4s
			mail:a@5s unlock:a@5s mail!b@5s mail!b@6s mail!b@8s mail:b@12s unlock:b@12s`},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newTimeline()
				s := put(t, l, "a", "b")
				n := clair(s, newFake(l, "mail", c.answer))
				serve(t, n, c.after)
				time.Sleep(time.Second)
				serve(t, n, 4*time.Minute)
				l.want(t, c.want)
			})
		})
	}
}

// Every notification that is sent brings another one, so the queue is never empty,
// no send fails and nobody ever waits; that is when Clair did not stop.
func TestClair1StopWithAFullQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := put(t, newTimeline(), "a")
		count := 0
		n := clair(s, newFake(newTimeline(), "mail", func(ctx context.Context, _ string, _ int) error {
			count++
			s.put(t, fmt.Sprint(count))
			return taking(time.Millisecond)(ctx, "", 0)
		}))
		serve(t, n, 10*time.Second-1)
		if count != 10000 {
			t.Errorf("%d sends in ten seconds", count)
		}
	})
}

// (2) A send has a context: it ends with the stop, and after its timeout.
func TestClair2SendHasATimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline()
		hangs := func(ctx context.Context, _ string, times int) error {
			if times == 2 {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		}
		n := clair(put(t, l, "a"), newFake(l, "mail", hangs))
		n.timeout = 10 * time.Second
		serve(t, n, time.Hour)
		l.want(t, "mail!a@10s mail:a@11s unlock:a@11s")
	})
}

// (3) After giving up, the next poll tries again: a whole interval later, not at
// once. Others are not held up, and a stop and a start do not change it.
func TestClair3GivingUpLastsUntilTheNextPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline()
		dead := func(_ context.Context, id string, times int) error {
			if id == "a" && times <= 9 {
				return errDown
			}
			return nil
		}
		n := clair(put(t, l, "a", "b"), newFake(l, "mail", dead))
		serve(t, n, time.Minute)
		serve(t, n, 24*time.Hour)
		l.want(t, `mail!a@0s mail!a@1s mail!a@3s mail!a@7s unlock:a@7s mail:b@7s unlock:b@7s
			mail!a@6m mail!a@6m1s mail!a@6m3s mail!a@6m7s unlock:a@6m7s
			mail!a@11m7s mail:a@11m8s unlock:a@11m8s`)
	})
}

// A refusal that another attempt cannot change is given up at once, until the next
// poll: somebody may have mended the receiver by then.
func TestPermanentRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline()
		n := clair(put(t, l, "a"), newFake(l, "mail", func(_ context.Context, _ string, times int) error {
			if times < 3 {
				return retry.Permanent(errRefuse)
			}
			return nil
		}))
		serve(t, n, time.Hour)
		l.want(t, "mail!a@0s unlock:a@0s mail!a@5m unlock:a@5m mail:a@10m unlock:a@10m")
	})
}

// A receiver's Retry-After prolongs the schedule.
func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline()
		n := clair(put(t, l, "a"), newFake(l, "mail", func(_ context.Context, _ string, times int) error {
			if times == 1 {
				return retry.After(errDown, 42*time.Second)
			}
			return nil
		}))
		serve(t, n, time.Hour)
		l.want(t, "mail!a@0s mail:a@42s unlock:a@42s")
	})
}

// (4) No sender gets a notification twice because another one failed, and none
// waits for another one: not in a poll, not after giving up, not after a restart.
func TestClair4NoneTwiceBecauseAnotherFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline()
		n := clair(put(t, l, "a"),
			newFake(l, "chat", taking(10*time.Millisecond)),
			newFake(l, "mail", failing(6)),
			newFake(l, "pager", taking(20*time.Millisecond)))
		serve(t, n, time.Minute)
		serve(t, n, 24*time.Hour)
		l.want(t, `mail!a@0s chat:a@10ms pager:a@20ms mail!a@1s mail!a@3s mail!a@7s unlock:a@7s
			mail!a@6m mail!a@6m1s mail:a@6m3s unlock:a@6m3s`)
	})
}

// What got through while the notifier was being stopped is known afterwards, and
// sent to nobody a second time.
func TestClair4SentDuringTheStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline()
		through := func(ctx context.Context, _ string, _ int) error { <-ctx.Done(); return nil }
		n := clair(put(t, l, "a"), newFake(l, "chat", through), newFake(l, "mail", failing(3)))
		serve(t, n, 2*time.Second)
		serve(t, n, time.Hour)
		l.want(t, "mail!a@0s mail!a@1s chat:a@2s unlock:a@2s mail!a@2s mail:a@3s unlock:a@3s")
	})
}

// (5) The lock is renewed every two minutes while a sender works, and when it gets
// lost the work stops: at once if somebody else has it …
func TestClair5StolenLockStopsTheWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline()
		s := put(t, l, "a", "b")
		n := clair(s, newFake(l, "mail", taking(9*time.Minute)))
		time.AfterFunc(5*time.Minute, func() { s.steal("a", "another", 30*time.Minute) })
		serve(t, n, 20*time.Minute)
		l.want(t, `renew:a@2m renew:a@4m renew:a@6m mail!a@6m unlock:a@6m
			renew:b@8m renew:b@10m renew:b@12m renew:b@14m mail:b@15m unlock:b@15m`)
		if owner := s.entries[0].owner; owner != "another" {
			t.Errorf("the lock is %s's", owner)
		}
	})
}

// … and two minutes before it really ends if the store cannot be reached. It is
// another poll then: the store is no better for being asked again at once.
func TestClair5LostStoreStopsTheWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline()
		s := put(t, l, "a")
		hangs := func(ctx context.Context, _ string, times int) error {
			if times == 1 {
				return taking(time.Hour)(ctx, "", 0)
			}
			return nil
		}
		n := clair(s, newFake(l, "mail", hangs))
		n.timeout = time.Hour
		time.AfterFunc(3*time.Minute, func() { s.setBroken(errStore) })
		time.AfterFunc(12*time.Minute, func() { s.setBroken(nil) })
		serve(t, n, time.Hour)
		l.want(t, `renew:a@2m renew:a@4m renew:a@6m renew:a@8m mail!a@10m unlock:a@10m mail:a@15m unlock:a@15m`)
	})
}

// (6) The same tree can be served again, and its notifier restarted by its
// supervisor: nothing is registered twice.
func TestClair6ServedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline()
		s := put(t, l, "a")
		n := clair(s, newFake(l, "mail", works))
		root, _, err := tree(n, "")
		if err != nil {
			t.Fatal(err)
		}
		serveTree(t, root, time.Minute)
		s.put(t, "b")
		serveTree(t, root, 10*time.Minute)
		l.want(t, "mail:a@0s unlock:a@0s mail:b@5m unlock:b@5m")
	})
}

// --- more

// A sender that panics or calls Goexit has failed, like others; the program lives.
func TestSenderPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline()
		n := clair(put(t, l, "a", "b"), newFake(l, "mail", func(_ context.Context, id string, times int) error {
			if id == "a" && times == 1 {
				panic("boom")
			}
			return nil
		}))
		serve(t, n, time.Hour)
		l.want(t, "mail:a@1s unlock:a@1s mail:b@1s unlock:b@1s")
	})
}

// Two notifiers share a store for a day of work: every notification reaches every
// receiver once, and no two ever work on the same one.
func TestTwoNotifiersForADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := put(t, newTimeline())
		r := rand.New(rand.NewPCG(1, 2))
		for i := range 300 {
			time.AfterFunc(time.Duration(r.IntN(86400))*time.Second, func() { s.put(t, fmt.Sprint(i)) })
		}
		flaky := func(ctx context.Context, id string, times int) error {
			if (len(id)+times)%3 == 0 {
				return errDown
			}
			return taking(time.Duration(times)*time.Minute)(ctx, id, times)
		}
		chat, mail := newFake(newTimeline(), "chat", flaky), newFake(newTimeline(), "mail", flaky)
		one, two := clair(s, chat, mail), clair(s, chat, mail)
		two.owner = "another"
		go serve(t, two, 47*time.Hour)
		serve(t, one, 48*time.Hour)
		for _, f := range []*fake{chat, mail} {
			if len(f.got) != 300 || f.overlaps > 0 {
				t.Errorf("%s got %d notifications, %d times while it was getting them", f.title, len(f.got), f.overlaps)
			}
			for id, times := range f.got {
				if times != 1 {
					t.Errorf("%s got %s %d times", f.title, id, times)
				}
			}
		}
		if size, _ := s.size(t.Context()); size != 0 {
			t.Errorf("%d are left", size)
		}
	})
}
