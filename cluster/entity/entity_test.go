package entity_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/actor"
	"github.com/tend-go/tend/cluster"
	"github.com/tend-go/tend/cluster/entity"
)

func ask(t *testing.T, m *machine, key, message string) (int, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return m.counts.To(key).Ask(ctx, message)
}

func wantAnswer(t *testing.T, m *machine, key, message string, want int) {
	t.Helper()
	if n, err := ask(t, m, key, message); err != nil || n != want {
		t.Errorf("%s of %s by %s: %d, %v; want %d", message, key, m.name, n, err, want)
	}
}

// Whoever asks, the entity is made once, where its shard is.
func TestAskFromAnyNode(t *testing.T) {
	inFleet(t, func(t *testing.T, f *fleet) {
		a := f.join("a", nil)
		b := f.join("b", nil)
		c := f.join("c", func(s *entity.Spec[string, int]) { s.New = nil })
		time.Sleep(10 * time.Second)
		key := b.key(t)
		for i, m := range []*machine{a, b, c, a} {
			wantAnswer(t, m, key, "add", i+1)
		}
		f.want(t, "16s "+key+" begins on b")
		if got := b.counts.To(key).String(); got != "counts/"+key {
			t.Error(got)
		}
		if s := b.root.Status().String(); !strings.Contains(s, "counts") {
			t.Error(s)
		}
	})
}

// A shard that moves takes its entities with it: what is in hand is finished, what waits is
// done by the next owner, once; nobody overlaps.
func TestAMoveLosesNothing(t *testing.T) {
	inFleet(t, func(t *testing.T, f *fleet) {
		a := f.join("a", nil)
		b := f.join("b", nil)
		time.Sleep(6 * time.Second)
		key := a.key(t)
		answers := make(chan string, 3)
		for _, from := range []*machine{a, b, b} { // the first is in hand, the others wait
			go func() {
				n, err := ask(t, from, key, "slow")
				answers <- fmt.Sprint(n, err)
			}()
			synctest.Wait()
		}
		a.end()
		for _, want := range []string{"1 <nil>", "1 <nil>", "2 <nil>"} {
			if got := <-answers; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
		f.want(t, "10s "+key+" begins on a", "11s "+key+" ends on a with 1: context canceled", "11.01s "+key+" begins on b")
	})
}

// All that wait when their shard moves are asked again, however many: none of them hears that
// its entity is gone.
func TestAMoveOfABusyShard(t *testing.T) {
	inFleet(t, func(t *testing.T, f *fleet) {
		change := func(s *entity.Spec[string, int]) { s.Role.Shards, s.Mailbox = 1, 10 }
		a, b := f.join("a", change), f.join("b", change)
		for _, from := range []*machine{a, b} { // then a is back
			const entities, each = 50, 20 // half of them find no room in the mailbox
			failed := make(chan error, entities*each)
			for i := range entities * each {
				go func() {
					_, err := ask(t, from, fmt.Sprint("k", i%entities), "slow")
					failed <- err
				}()
			}
			time.Sleep(300 * time.Millisecond)
			token := from.token("counts")
			if err := from.root.Suspend(token); err != nil {
				t.Error(err)
			}
			for range entities * each {
				if err := <-failed; err != nil {
					t.Fatal(err)
				}
			}
			_ = from.root.Restart(token, nil)
			time.Sleep(2 * time.Second)
		}
	})
}

// An owner that is cut off has ended its entities before the next one makes them; who asks
// waits, and nothing that was sent is sent again.
func TestAnOwnerThatIsCutOff(t *testing.T) {
	inFleet(t, func(t *testing.T, f *fleet) {
		a := f.join("a", nil)
		b := f.join("b", nil)
		time.Sleep(7 * time.Second)
		key := a.key(t)
		wantAnswer(t, b, key, "add", 1)
		f.engine.Cut("a")
		f.mu.Lock()
		delete(f.nodes, "a")
		f.mu.Unlock()
		wantAnswer(t, b, key, "add", 1)
		f.want(t, "11s "+key+" begins on a", "17.5s "+key+" ends on a with 1: "+cluster.ErrLost.Error(), "20.01s "+key+" begins on b")
	})
}

// An answer that is lost is an error: the message may have taken effect, and is not sent
// again.
func TestAnAnswerThatIsLost(t *testing.T) {
	inFleet(t, func(t *testing.T, f *fleet) {
		a := f.join("a", nil)
		b := f.join("b", nil)
		time.Sleep(6 * time.Second)
		key := a.key(t)
		f.cut["a"] = errCut
		if _, err := ask(t, b, key, "add"); !errors.Is(err, errCut) {
			t.Error(err)
		}
		delete(f.cut, "a")
		wantAnswer(t, b, key, "add", 2)
	})
}

// What goes wrong is the same error from here and from there, and says whether something was
// done.
func TestWhatGoesWrong(t *testing.T) {
	inFleet(t, func(t *testing.T, f *fleet) {
		limit := func(s *entity.Spec[string, int]) { s.Active, s.Role.Shards = 1, 1 }
		a := f.join("a", limit)
		b := f.join("b", limit)
		for _, from := range []*machine{a, b} {
			for _, tt := range []struct {
				key, message string
				want         error
			}{
				{"k", "fail", actor.ErrFailed},
				{"k", "panic", actor.ErrFailed},
				{"k2", "add", tend.ErrTooManyServices},
			} {
				if _, err := ask(t, from, tt.key, tt.message); !errors.Is(err, tt.want) || errors.Is(err, actor.ErrGone) {
					t.Errorf("%s of %s by %s: %v", tt.message, tt.key, from.name, err)
				}
			}
			wantAnswer(t, from, "k", "add", 1) // a new state
			wantAnswer(t, from, "k", "leave", 1)
			synctest.Wait()
			if _, err := ask(t, from, "nobody", "add"); !errors.Is(err, actor.ErrGone) || !strings.Contains(err.Error(), `there is no "nobody"`) {
				t.Errorf("by %s: %v", from.name, err)
			}
			synctest.Wait()
		}
	})
}

// A wire notes where requests go.
type wire struct {
	*machine
	to []string
}

func (w *wire) Send(ctx context.Context, to cluster.Member, q entity.Request) (entity.Reply, error) {
	w.to = append(w.to, fmt.Sprint(to.Name, to.Addr, to.Meta))
	return w.machine.Send(ctx, to, q)
}

// Of an owner that another node names with name and address alone, what else is known here
// is known; the shard is the key's.
func TestAnOwnerThatIsNamed(t *testing.T) {
	inFleet(t, func(t *testing.T, f *fleet) {
		three := func(s *entity.Spec[string, int]) { s.Role.Shards = 3 }
		a, c := f.join("a", three), f.join("c", three)
		w := &wire{}
		b := f.join("b", func(s *entity.Spec[string, int]) { s.New, s.Role.Shards, s.Transport = nil, 3, w })
		w.machine = b
		f.nodes["new"] = c
		c.receive = func(context.Context, entity.Request) entity.Reply {
			return entity.Reply{Status: entity.StatusFailed, Text: "no luck"}
		}
		key := a.key(t)
		at, _ := b.counts.Owner(key)
		for _, tt := range []struct {
			named cluster.Member
			to    string
		}{
			{cluster.Member{Name: "c", Addr: "c"}, "ccmap[zone:c]"},
			{cluster.Member{Name: "c", Addr: "new"}, "cnewmap[zone:c]"}, // it was started again
			{cluster.Member{Name: "c"}, "ccmap[zone:c]"},
			{cluster.Member{Name: "d", Addr: "c"}, "dcmap[]"}, // not seen yet
		} {
			a.receive = func(context.Context, entity.Request) entity.Reply {
				return entity.Reply{Status: entity.StatusNotOwner, Claim: cluster.Claim{Token: at.Token + 100, Owner: tt.named}}
			}
			w.to = nil
			_, err := ask(t, b, key, "add")
			if want := fmt.Sprintf("counts/%d on %s: no luck", at.Shard, tt.named.Name); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %s", err, want)
			}
			if want := []string{"aamap[zone:a]", tt.to}; !slices.Equal(w.to, want) {
				t.Errorf("asked %q, want %q", w.to, want)
			}
		}
	})
}

// What an entity fails with is its own matter, also if it is a NotOwner of whom it has
// asked itself: the message is not sent again, nor to that owner.
func TestANotOwnerOfSomebodyElse(t *testing.T) {
	inFleet(t, func(t *testing.T, f *fleet) {
		var role string
		done := 0
		change := func(s *entity.Spec[string, int]) {
			s.Role.Shards = 1
			s.New = func(_ context.Context, key string) (entity.Handler[string, int], error) {
				no := &cluster.NotOwner{Claim: cluster.Claim{Role: role, Token: 1 << 40, Owner: cluster.Member{Name: "c", Addr: "c"}}}
				if key == "refused" {
					return nil, errors.Join(tend.ErrDoNotRestart, no)
				}
				return handler(func(context.Context, string) (int, error) {
					done++
					return 0, fmt.Errorf("the ledger: %w", no)
				}), nil
			}
		}
		a, b := f.join("a", change), f.join("b", change)
		f.join("c", nil).receive = func(_ context.Context, q entity.Request) entity.Reply {
			t.Errorf("c gets %+v", q)
			return entity.Reply{Status: entity.StatusDone, Body: []byte("7")}
		}
		for _, role = range []string{"ledger", "counts", ""} {
			for _, from := range []*machine{a, b} {
				done = 0
				_, err := ask(t, from, "k", "pay")
				if no := (*cluster.NotOwner)(nil); done != 1 || !errors.Is(err, actor.ErrFailed) || errors.As(err, &no) || !strings.Contains(err.Error(), "the ledger: ") {
					t.Errorf("role %q, by %s: done %d times, %v", role, from.name, done, err)
				}
				if _, err = ask(t, from, "refused", "pay"); !errors.Is(err, actor.ErrGone) {
					t.Errorf("role %q, by %s: %v", role, from.name, err)
				}
			}
		}
	})
}

// So it is with what a transport fails with: nobody knows what was done.
func TestANotOwnerOfATransport(t *testing.T) {
	inFleet(t, func(t *testing.T, f *fleet) {
		a, b := f.join("a", nil), f.join("b", nil)
		time.Sleep(6 * time.Second)
		f.cut["a"] = errors.Join(errCut, &cluster.NotOwner{})
		if _, err := ask(t, b, a.key(t), "add"); !errors.Is(err, errCut) {
			t.Error(err)
		}
	})
}

// The end of the asker's context ends an Ask, also on another node.
func TestAnAskEndsWithItsContext(t *testing.T) {
	inFleet(t, func(t *testing.T, f *fleet) {
		one := func(s *entity.Spec[string, int]) { s.Role.Shards = 1 }
		a := f.join("a", one)
		b := f.join("b", one)
		for _, from := range []*machine{a, b} {
			begun := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			_, err := from.counts.To("k").Ask(ctx, "slow")
			cancel()
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != 300*time.Millisecond {
				t.Error(from.name, err, time.Since(begun))
			}
			time.Sleep(time.Second) // it was done all the same
		}
		wantAnswer(t, b, "k", "add", 3)
	})
}

// Whatever the cause, an asker of another node that has gone is no failure of the entity.
func TestAnAskerThatHasGone(t *testing.T) {
	inFleet(t, func(t *testing.T, f *fleet) {
		a := f.join("a", nil)
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, errors.New("the client has gone"))
		defer cancel()
		if r := a.receive(ctx, entity.Request{Role: "counts", Key: "k", Body: []byte(`"slow"`)}); r.Status != entity.StatusTimeout || r.Text != "the client has gone" {
			t.Errorf("%+v", r)
		}
	})
}

// An entity that nobody asks is put to sleep, with Stop, and begins again when it is asked.
func TestAnIdleEntitySleeps(t *testing.T) {
	inFleet(t, func(t *testing.T, f *fleet) {
		a := f.join("a", func(s *entity.Spec[string, int]) { s.Idle, s.Role.Shards = 4*time.Second, 1 })
		wantAnswer(t, a, "k", "add", 1)
		time.Sleep(10 * time.Second)
		wantAnswer(t, a, "k", "add", 1)
		f.want(t, "2s k begins on a", "7s k ends on a with 1: <nil>", "12s k begins on a")
	})
}

// One that asks itself would wait for ever: that is found where both are here.
func TestAnEntityThatAsksItself(t *testing.T) {
	inFleet(t, func(t *testing.T, f *fleet) {
		var m *machine
		var found error
		m = f.join("a", func(s *entity.Spec[string, int]) {
			s.New = func(context.Context, string) (entity.Handler[string, int], error) {
				return handler(func(ctx context.Context, _ string) (int, error) {
					_, found = m.counts.To("k").Ask(ctx, "again")
					return 0, nil
				}), nil
			}
		})
		wantAnswer(t, m, "k", "add", 0)
		if !errors.Is(found, actor.ErrDeadlock) {
			t.Error(found)
		}
	})
}

type handler func(ctx context.Context, m string) (int, error)

func (h handler) Handle(ctx context.Context, m string) (int, error) { return h(ctx, m) }

// What cannot be encoded or decoded is an error that says what it was.
func TestWhatCannotBeEncoded(t *testing.T) {
	no := errors.New("no")
	for _, tt := range []struct {
		name               string
		marshal, unmarshal int // which call fails: of the message, of the answer
		want               string
		counted            int
	}{
		{"message", 1, 0, "encoding a message to counts/k: no", 0},
		{"message, there", 0, 1, "counts/0 on a: no", 0},
		{"answer, there", 2, 0, "counts/0 on a: the answer: no", 1},
		{"answer", 0, 2, "decoding the answer of counts/k: no", 1},
	} {
		inFleet(t, func(t *testing.T, f *fleet) {
			marshals, unmarshals := 0, 0
			change := func(s *entity.Spec[string, int]) {
				s.Role.Shards = 1
				s.Marshal = func(v any) ([]byte, error) {
					if marshals++; marshals == tt.marshal {
						return nil, no
					}
					return json.Marshal(v)
				}
				s.Unmarshal = func(data []byte, v any) error {
					if unmarshals++; unmarshals == tt.unmarshal {
						return no
					}
					return json.Unmarshal(data, v)
				}
			}
			a, b := f.join("a", change), f.join("b", change)
			if _, err := ask(t, b, "k", "add"); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: %v", tt.name, err)
			}
			wantAnswer(t, a, "k", "add", tt.counted+1)
		})
	}
}

// What can only be a mistake panics at the call.
func TestMisuse(t *testing.T) {
	one := cluster.Spec{Shards: 1}
	begin := func(context.Context, string) (entity.Handler[string, int], error) { return nil, errors.New("no") }
	inFleet(t, func(t *testing.T, f *fleet) {
		for want, spec := range map[string]entity.Spec[string, int]{
			`New "counts": Spec.Role.Shards is 0`:                         {Transport: f.join("x", nil)},
			`New "counts": Spec.Transport is nil`:                         {Role: one},
			`New "counts": Spec.Active is -1`:                             {Role: one, Transport: &entity.HTTP{}, Active: -1},
			`New "counts": one of Spec.Marshal and Spec.Unmarshal is nil`: {Role: one, Transport: &entity.HTTP{}, Marshal: json.Marshal},
			"Spec.Mailbox is -1":                                          {Role: one, New: begin, Transport: &entity.HTTP{}, Mailbox: -1},
			"Spec.Child.Name is":                                          {Role: one, New: begin, Transport: &entity.HTTP{}, Child: tend.Child{Name: "x"}},
			"GroupSpec.Idle is -1":                                        {Role: one, New: begin, Transport: &entity.HTTP{}, Idle: -1},
		} {
			func() {
				defer func() {
					if got := fmt.Sprint(recover()); !strings.Contains(got, want) {
						t.Errorf("got %s, want %s", got, want)
					}
				}()
				entity.New(cluster.Join(cluster.Options{Fleet: "shop", Name: "y", Engine: f.engine}), "counts", spec)
			}()
		}
	})
}
