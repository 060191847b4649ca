package actor_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/actor"
)

// subscribed makes a recorder that subscribes to a topic at the beginning of each run.
func subscribed(t *actor.Topic[int], spec actor.Spec[int], message func(int) int, do func(ctx context.Context, m int) error) (*actor.Actor[int], *record) {
	r := &record{}
	spec.New = func(_ context.Context, self *actor.Actor[int]) (actor.Handler[int], error) {
		actor.Subscribe(t, self, message)
		return &recorder{r, do}, nil
	}
	spec.Lost = r.lose
	return actor.New("a", &spec), r
}

func same(v int) int { return v }

func TestTopic(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var topic actor.Topic[int]
		if topic.Publish(1) != 0 {
			t.Error("it is lost, though nobody listens")
		}
		a, ra := subscribed(&topic, actor.Spec[int]{}, same, nil)
		b, rb := subscribed(&topic, actor.Spec[int]{}, func(v int) int { return 10 * v }, nil)
		s, _ := serve(t, tend.Spec{}, a, b)
		synctest.Wait()
		for v := range 3 {
			if lost := topic.Publish(v); lost != 0 {
				t.Errorf("%d are lost", lost)
			}
		}
		ra.expect(t, []int{0, 1, 2}, nil)
		rb.expect(t, []int{0, 10, 20}, nil)
		_ = s.Restart(s.Status().Services[0].Token, nil) // it subscribes again, once
		synctest.Wait()
		_ = s.Suspend(s.Status().Services[1].Token)
		synctest.Wait()
		topic.Publish(3)
		ra.expect(t, []int{0, 1, 2, 3}, nil)
		rb.expect(t, []int{0, 10, 20}, nil)
	})
}

// TestTrap21SubscribersThatHang lose what they have no room for, or get the latest; one that
// panics loses a value; one that is gone is forgotten.
func TestTrap21SubscribersThatHang(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var topic actor.Topic[int]
		latest := actor.Topic[int]{Latest: true}
		step := make(chan struct{})
		hang := func(context.Context, int) error { <-step; return nil }
		slow, rs := subscribed(&topic, actor.Spec[int]{Mailbox: 2}, same, hang)
		drop, rd := subscribed(&topic, actor.Spec[int]{Mailbox: 2, DropOldest: true}, same, hang)
		newest, rn := subscribed(&latest, actor.Spec[int]{Mailbox: 1}, same, hang)
		odd, ro := subscribed(&topic, actor.Spec[int]{}, func(v int) int {
			if v%2 == 0 {
				panic("even")
			}
			return v
		}, nil)
		s, tape := serve(t, tend.Spec{}, slow, drop, newest, odd)
		synctest.Wait()
		lost := 0
		for v := range 6 {
			lost += topic.Publish(v)
			latest.Publish(v)
			synctest.Wait()
		}
		if lost != 3+3 { // of slow, and of odd
			t.Errorf("%d are lost", lost)
		}
		close(step)
		rs.expect(t, []int{0, 1, 2}, []int{3, 4, 5})
		rd.expect(t, []int{0, 4, 5}, []int{1, 2, 3})
		rn.expect(t, []int{0, 5}, nil)
		ro.expect(t, []int{1, 3, 5}, nil)
		for _, why := range append(rs.whys, rd.whys...) {
			if !errors.Is(why, actor.ErrFull) {
				t.Errorf("lost because of %v", why)
			}
		}
		told := 0
		for _, e := range tape.Events() {
			if e, is := e.(tend.ServiceAlsoFailed); is && e.Err.Text == "panic: even" {
				told++
			}
		}
		if told != 3 {
			t.Errorf("%d panics are told", told)
		}
		s.Stop()
		if topic.Publish(6) != 0 || latest.Publish(6) != 0 {
			t.Error("it is lost by who is gone")
		}
	})
}

// TestPublishingFromAHandler that subscribes to the same topic.
func TestPublishingFromAHandler(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var topic actor.Topic[int]
		a, r := subscribed(&topic, actor.Spec[int]{}, same, func(_ context.Context, m int) error {
			if m < 3 {
				topic.Publish(m + 1)
			}
			return nil
		})
		serve(t, tend.Spec{}, a)
		synctest.Wait()
		topic.Publish(0)
		r.expect(t, []int{0, 1, 2, 3}, nil)
	})
}

// TestSubscribeAndStop while many publish.
func TestSubscribeAndStop(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var topic actor.Topic[int]
		var stop func()
		handled := 0
		a := actor.New("a", &actor.Spec[int]{Mailbox: 10_000, New: func(_ context.Context, self *actor.Actor[int]) (actor.Handler[int], error) {
			stop = actor.Subscribe(&topic, self, same)
			return actor.Func[int](func(context.Context, int) error { handled++; return nil }), nil
		}})
		serve(t, tend.Spec{}, a)
		synctest.Wait()
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for v := range 100 {
					topic.Publish(v)
				}
			})
		}
		all.Wait()
		synctest.Wait()
		if handled != 400 {
			t.Errorf("%d were handled", handled)
		}
		stop()
		topic.Publish(1)
		time.Sleep(time.Second)
		if handled != 400 {
			t.Error("it was stopped, and goes on")
		}
		if actor.Subscribe(&topic, actor.New("b", &actor.Spec[int]{New: func(context.Context, *actor.Actor[int]) (actor.Handler[int], error) { return nil, nil }}), same)(); topic.Publish(1) != 0 {
			t.Error("one that does not run has subscribed")
		}
	})
}

// TestTheLatestIsHandledOnce, however fast others come.
func TestTheLatestIsHandledOnce(t *testing.T) {
	topic := actor.Topic[int]{Latest: true}
	const last = 20_000
	done, before := make(chan struct{}), 0
	a, _ := subscribed(&topic, actor.Spec[int]{}, same, func(_ context.Context, m int) error {
		if m <= before {
			t.Errorf("%d comes after %d", m, before)
		}
		if before = m; m == last {
			close(done)
		}
		return nil
	})
	s, _ := serve(t, tend.Spec{}, a)
	if err := s.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	for actor.SubscribersOf(&topic) == 0 {
		runtime.Gosched()
	}
	for v := range last {
		topic.Publish(v + 1)
	}
	<-done
}

// TestATopicForgetsWhoseRunIsOver, though nothing is published.
func TestATopicForgetsWhoseRunIsOver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var topic actor.Topic[int]
		a, _ := subscribed(&topic, actor.Spec[int]{}, same, nil)
		b, rb := subscribed(&topic, actor.Spec[int]{}, same, nil)
		s, _ := serve(t, tend.Spec{}, a, b)
		synctest.Wait()
		topic.Publish(1)
		_ = s.Suspend(s.Status().Services[0].Token)
		synctest.Wait()
		if n := actor.SubscribersOf(&topic); n != 1 {
			t.Errorf("%d are left", n)
		}
		topic.Publish(2)
		rb.expect(t, []int{1, 2}, nil)
	})
}

// TestWhoLeavesWhileAValueIsPublished costs nobody else that value.
func TestWhoLeavesWhileAValueIsPublished(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var topic actor.Topic[int]
		var got []string
		var leaves func()
		var all []tend.Service
		for _, name := range []string{"a", "b", "c", "d"} {
			all = append(all, actor.New(name, &actor.Spec[int]{New: func(_ context.Context, self *actor.Actor[int]) (actor.Handler[int], error) {
				stop := actor.Subscribe(&topic, self, func(v int) int {
					got = append(got, name)
					if name == "b" {
						leaves()
					}
					return v
				})
				if name == "b" {
					leaves = stop
				}
				return actor.Func[int](func(context.Context, int) error { return nil }), nil
			}}))
		}
		s, w := serveByHand(t, all...)
		w.work()
		topic.Publish(1)
		if want := []string{"a", "b", "c", "d"}; !slices.Equal(got, want) {
			t.Errorf("%q are asked, not %q", got, want)
		}
		if n := actor.SubscribersOf(&topic); n != 3 {
			t.Errorf("%d are left", n)
		}
		w.work()
		s.Stop()
	})
}
