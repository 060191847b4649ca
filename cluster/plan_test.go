package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend/cluster/internal/store"
)

// A desk is a plan with a shard of role r, and what it has wanted done since the last look.
type desk struct {
	*testing.T
	*plan
	shards int
	out    []string
}

const second = time.Second

func newDesk(t *testing.T) *desk {
	p := newPlan(Options{Fleet: "f", Name: "me", TTL: 10 * second, Margin: second / 2, Settle: second, Moves: 8}, 0)
	return &desk{T: t, plan: p}
}

func (d *desk) at(now instant, messages ...message) *desk {
	for _, e := range d.step(now, messages...) {
		switch e := e.(type) {
		case deadline, show, ready:
		case emit:
			d.out = append(d.out, e.event.Kind.String())
		case create:
			d.out = append(d.out, fmt.Sprint("create ", e.op))
		default:
			d.out = append(d.out, strings.TrimPrefix(fmt.Sprintf("%T", e), "cluster."))
		}
	}
	return d
}

func (d *desk) want(out ...string) {
	d.Helper()
	if diff := cmp.Diff(out, d.out); diff != "" {
		d.Error("want -, got +\n", diff)
	}
	d.out = nil
}

func (d *desk) member(name string, token int64) store.Change {
	value, _ := json.Marshal(memberValue{Placement: placement, Roles: map[string]roleValue{"r": {Shards: d.shards, Weight: 1}}})
	return store.Change{Entry: store.Entry{Key: "/tend/1/f/m/" + name, Value: string(value), Lease: store.LeaseID(token), Token: token}}
}

func batch(revision int64, snapshot bool, changes ...store.Change) saw {
	return saw{store.Batch{Head: store.Head{Cluster: 1, Revision: revision}, Snapshot: snapshot, Changes: changes}}
}

func answer(revision int64, e store.Entry) store.Answer {
	return store.Answer{Head: store.Head{Cluster: 1, Revision: revision}, Done: true, Entry: e}
}

var one = shardID{"r", 0}

// up is a node that came up at 0s, with the members beside it, and a number of shards.
func (d *desk) up(members ...store.Change) *desk {
	d.at(0, attached{takes{role: "r", shards: d.shards, timeout: 2 * second, weight: 1}})
	d.at(0, opened{lease: 7, head: store.Head{Cluster: 1, Revision: 1}})
	d.at(0, batch(5, true, append(members, store.Change{Entry: store.Entry{Key: "/tend/1/f/g/r", Value: countOf(d.shards)}})...))
	own := d.member("me", 6)
	own.Lease = 7
	d.at(0, registered{7, d.wish, answer(6, own.Entry), nil})
	d.at(0, batch(6, false, own))
	d.out = nil
	return d
}

// held is one that has the shard under token 10, seen, and looked at the time at 1s.
func (d *desk) held() *desk {
	d.at(second, due{}).want("create 1")
	d.at(second, created{1, one, answer(10, store.Entry{Lease: 7, Token: 10}), nil}).want("claimed", "start")
	d.at(second, batch(10, false, claim(10, 7, "me")))
	d.out = nil
	return d
}

func claim(token int64, lease store.LeaseID, owner string) store.Change {
	return store.Change{Entry: store.Entry{Key: "/tend/1/f/c/r/0", Value: owns(owner), Lease: lease, Token: token}}
}

// A node that may not see what there is says so, though the engine answers all else.
func TestBlind(t *testing.T) {
	denied := errors.New("permission denied")
	alive := func(at instant) renewed {
		return renewed{sent: at, lease: 7, head: store.Head{Cluster: 1, Revision: 6}}
	}
	d := newDesk(t).up().held()
	d.at(2*second, unseen{denied}).want("renew") // the next watch sees it all again
	d.at(2*second, alive(2*second), batch(10, true, d.member("me", 6), claim(10, 7, "me")))
	d.out = nil
	d.at(3*second, unseen{denied}).want()
	d.at(3200*time.Millisecond, unseen{denied}).want("engine lost")
	d.at(3400*time.Millisecond, unseen{denied}).want()
	d.at(4*second, due{}).want("renew")
	d.at(4*second, alive(4*second)).want()
	d.at(4500*time.Millisecond, batch(11, true, d.member("me", 6), claim(10, 7, "me"))).want("engine back")
}

// What is answered after the end of a lease does not bring it back.
func TestRenewalAfterTheEndIsOfNoUse(t *testing.T) {
	d := newDesk(t).up().held()
	d.at(2*second, due{}).want("renew")
	d.at(11*second, renewed{sent: 2 * second, lease: 7}).want("lease lost", "tell")
	d.at(11*second, returned{one, 10}).want("revoke")
}

// A process that stood still is told everything when it wakes, and has a moment to obey.
func TestWakingIsNoOverrunYet(t *testing.T) {
	d := newDesk(t).up().held()
	d.at(30*second, due{}).want("lease lost", "tell")
	d.at(30*second+49*time.Millisecond, due{}).want()
	d.at(30*second+50*time.Millisecond, due{}).want("overrun", "overrun")
	d.at(31*second, due{}).want()
}

// Others know that the node takes a role no more before its claims are free.
func TestReleaseWaitsForTheMemberKey(t *testing.T) {
	d := newDesk(t).up().held()
	d.at(1500*time.Millisecond, detached{role: "r", cause: errors.New("suspended")}).want("tell", "update")
	d.at(1500*time.Millisecond, returned{one, 10}).want()
	wish := d.wish
	d.at(1600*time.Millisecond, updated{7, wish, answer(11, store.Entry{}), nil}).want("remove")
}

// If the engine does not take that, the claims are freed all the same.
func TestReleaseDoesNotWaitInVain(t *testing.T) {
	d := newDesk(t).up().held()
	d.at(1500*time.Millisecond, detached{role: "r", cause: errors.New("suspended")}, returned{one, 10})
	d.out = nil
	d.at(1500*time.Millisecond, returned{one, 10}).want()
	d.at(1600*time.Millisecond, updated{7, d.wish, store.Answer{}, errLate}).want("engine lost", "remove")
}

// Who took a shard because the one placed did not come keeps it for ten minutes, though
// the other should have it.
func TestStandInKeepsTheShard(t *testing.T) {
	d := newDesk(t)
	d.shards = 2
	both := []candidate{{name: "me", weight: 1}, {name: "other", weight: 1}}
	his := 0
	if place("r", both, make([]string, 2))[0] == "me" {
		his = 1
	}
	d.up(d.member("other", 4))
	d.at(calm, due{}).want()
	d.at(second, due{}).want("create 1")
	at := shardID{"r", 1 - his}
	d.at(second, created{1, at, answer(10, store.Entry{Lease: 7, Token: 10}), nil}, batch(10, false, claimOf(at, 10))).want("claimed", "start")
	d.at(2*second, due{}).want("renew")
	d.at(2*second, renewed{sent: 2 * second, lease: 7})
	began := 2*second + calm // free since calm, and one is before this node
	d.at(began, due{}).want("create 2")
	at = shardID{"r", his}
	d.at(began, created{2, at, answer(11, store.Entry{Lease: 7, Token: 11}), nil}, batch(11, false, claimOf(at, 11))).want("claimed", "start")
	for now := began + calm; now < began+declined; now += second {
		d.at(now, renewed{sent: now, lease: 7}, batch(int64(now), false))
		d.at(now+calm, due{})
	}
	if slices.Contains(d.out, "tell") {
		t.Error("handed over too soon")
	}
	d.out = nil
	d.at(began+declined, due{}).want("tell")
}

// What runs is moved when the members have been the same for Settle: never, if that is for ever.
func TestWhatRunsIsMovedWhenAllIsSettled(t *testing.T) {
	for _, tt := range []struct {
		settle time.Duration
		want   []string
	}{{second, []string{"tell"}}, {math.MaxInt64 - 1, nil}, {math.MaxInt64, nil}} {
		d := newDesk(t)
		d.shards, d.settle = 2, tt.settle
		d.up()
		d.at(second, due{}).want("create 1", "create 2")
		for shard, token := range []int64{10, 11} {
			id := shardID{"r", shard}
			d.at(second, created{uint64(shard + 1), id, answer(token, store.Entry{Lease: 7, Token: token}), nil}, batch(token, false, claimOf(id, token)))
		}
		d.want("claimed", "start", "claimed", "start")
		d.at(second, batch(12, false, d.member("other", 12))).want("member joined")
		d.at(second+calm, due{}).want()
		d.at(2*second, renewed{sent: 2 * second, lease: 7}).want(tt.want...)
		if at := d.wake(); at < 2*second {
			t.Errorf("a Settle of %v: it is up again at %v", tt.settle, at)
		}
	}
}

func claimOf(id shardID, token int64) store.Change {
	return store.Change{Entry: store.Entry{Key: fleetKeys("f").claim(id), Value: owns("me"), Lease: 7, Token: token}}
}

// An answer to an earlier question changes nothing: the view tells.
func TestAnswersOfEarlierQuestionsAreIgnored(t *testing.T) {
	d := newDesk(t).up()
	d.at(second, due{}).want("create 1")
	d.at(2*second, created{1, one, store.Answer{}, errLate}).want("engine lost", "renew")
	d.at(2200*time.Millisecond, renewed{sent: 2 * second, lease: 7}, due{}).want()
	d.at(2200*time.Millisecond+calm, due{}).want("create 2")
	held := answer(10, store.Entry{Lease: 7, Token: 10})
	d.at(2300*time.Millisecond, created{2, one, held, nil}).want("engine back", "claimed", "start")
	d.at(2400*time.Millisecond, created{1, one, held, nil}, created{2, one, held, nil}).want()
}

// A batch that is older than what was seen changes nothing.
func TestViewIgnoresWhatIsOlder(t *testing.T) {
	v := newView(fleetKeys("f"), 0)
	for _, m := range []saw{batch(5, true, claim(5, 1, "a")), batch(8, false, claim(8, 2, "b")), batch(7, false, store.Change{Entry: store.Entry{Key: "/tend/1/f/c/r/0"}, Gone: true})} {
		if err := v.apply(0, m.batch); err != nil {
			t.Error(err)
		}
	}
	if got := v.claims[one]; got != (claimEntry{8, 2, "b"}) {
		t.Error(got)
	}
	if err := v.apply(0, batch(7, true).batch); !errors.Is(err, errForgot) {
		t.Error("an older snapshot:", err)
	}
	if err := v.apply(0, store.Batch{Head: store.Head{Cluster: 2, Revision: 9}}); !errors.Is(err, errForgot) {
		t.Error("another cluster:", err)
	}
}

// An engine that has no space is there: the lease goes on, what it refuses is asked for
// again, and an event says so each minute.
func TestEngineWithoutSpace(t *testing.T) {
	d, full := newDesk(t).up(), fmt.Errorf("%w: quota", store.ErrFull)
	var said []instant
	op := uint64(0)
	for now := second; now <= 130*second; now += 100 * time.Millisecond {
		d.at(now, due{}, renewed{sent: now, lease: 7})
		if slices.Contains(d.out, fmt.Sprint("create ", op+1)) {
			op++
			d.at(now, created{op, one, store.Answer{}, full})
		}
		if slices.Contains(d.out, "engine full") {
			said = append(said, now)
		}
		d.out = slices.DeleteFunc(d.out, func(s string) bool { return s == "engine full" || s == "renew" || strings.HasPrefix(s, "create") })
	}
	d.want("free") // for twice the TTL
	if diff := cmp.Diff([]instant{second, 61200 * time.Millisecond, 121200 * time.Millisecond}, said); diff != "" || op < 400 {
		t.Error(op, diff)
	}
}

// Only a service that the node has is suspended here: one that was told is not, and a token
// of before is of another.
func TestSuspendedIsOfWhatIsHeld(t *testing.T) {
	d := newDesk(t).up().held()
	d.at(2*second, suspended{one, 10}).want("suspended", "renew")
	d.at(2*second, suspended{one, 9}).want()
	d.at(2*second, suspended{shardID{"r", 7}, 10}).want()
	d.at(2*second, detached{"r", ErrMoved, false})
	d.out = nil
	d.at(2*second, suspended{one, 10}).want()
}

// Sixteen shards are asked for at once. Whenever half of them are answered, so are eight more.
func TestSixteenAreAskedForAtOnce(t *testing.T) {
	d := newDesk(t)
	d.shards = 40
	asked := func() (n int) {
		for _, what := range d.out {
			if strings.HasPrefix(what, "create ") {
				n++
			}
		}
		d.out = nil
		return n
	}
	d.up().at(second, due{})
	if n := asked(); n != 16 {
		t.Errorf("%d at first", n)
	}
	for i := range 16 {
		id := shardID{"r", i}
		d.at(second, created{uint64(i + 1), id, answer(int64(10+i), store.Entry{Lease: 7, Token: int64(10 + i)}), nil})
		if n, want := asked(), map[int]int{7: 8, 15: 8}[i]; n != want {
			t.Errorf("%d after %d answers, want %d", n, i+1, want)
		}
	}
}

// A claim that is granted after its lease's deadline is not started: others may have it soon.
// Nor is one that the view shows then.
func TestAClaimGrantedTooLateIsNotStarted(t *testing.T) {
	for _, now := range []instant{9500 * time.Millisecond, 10 * second, 11 * second} { // the deadline, the end, and later
		d := newDesk(t).up()
		d.at(second, due{}).want("create 1")
		d.at(now, created{1, one, answer(10, store.Entry{Lease: 7, Token: 10}), nil}, batch(10, false, claim(10, 7, "me")))
		if slices.Contains(d.out, "start") {
			t.Errorf("started at %v", now)
		}
		d.at(now+calm, due{})
		if slices.Contains(d.out, "start") {
			t.Errorf("started when it was seen, at %v", now)
		}
	}
}

// The number of shards is tried to be set every 200 ms, and that it fails is told.
func TestTheNumberIsSetNotTooOften(t *testing.T) {
	d := newDesk(t)
	d.shards = 1
	d.at(0, attached{takes{role: "r", shards: 1, timeout: 2 * second, weight: 1}})
	d.at(0, opened{lease: 7, head: store.Head{Cluster: 1, Revision: 1}})
	own := d.member("me", 6)
	own.Lease = 7
	d.at(0, batch(5, true), registered{7, d.wish, answer(6, own.Entry), nil})
	d.at(0, batch(6, false, own))
	d.out = nil
	var at []instant
	for now := instant(0); now <= second; now += time.Millisecond {
		for _, e := range d.step(now, due{}) {
			if c, ok := e.(count); ok {
				at = append(at, now)
				d.at(now, counted{c.role, store.Head{}, errLate}) // the view does not show it either
			}
		}
	}
	if diff := cmp.Diff([]instant{5e6, 205e6, 405e6, 605e6, 805e6}, at); diff != "" || !slices.Contains(d.out, "engine lost") {
		t.Error(diff, d.out)
	}
}

// After a claim that failed none is asked for in 200 ms.
func TestClaimsThatFailAreNotAskedForAtOnce(t *testing.T) {
	d := newDesk(t)
	d.shards = 40
	d.up().at(second, due{})
	now := second + 10*time.Millisecond
	for i := range 16 {
		d.at(now, created{uint64(i + 1), shardID{"r", i}, store.Answer{}, errLate})
	}
	d.out = nil
	d.at(now+199*time.Millisecond, due{})
	if slices.ContainsFunc(d.out, func(s string) bool { return strings.HasPrefix(s, "create") }) {
		t.Error(d.out)
	}
	d.at(now+200*time.Millisecond, due{}).at(now+205*time.Millisecond, due{})
	if n := len(d.out); n != 16 {
		t.Error(n, d.out)
	}
}

// A claim that the view knows to be gone when its answer comes is not kept.
func TestAClaimThatIsGoneWhenItsAnswerComes(t *testing.T) {
	d := newDesk(t).up()
	d.at(second, due{}).want("create 1")
	d.at(second, batch(10, false, claim(10, 7, "me")))
	d.at(second, batch(11, false, store.Change{Entry: store.Entry{Key: "/tend/1/f/c/r/0"}, Gone: true}))
	d.at(second, created{1, one, answer(10, store.Entry{Lease: 7, Token: 10}), nil})
	if slices.Contains(d.out, "start") {
		t.Error(d.out)
	}
}

// One that was told, and whose key is another's before it has returned, does not run again,
// though the lease lives.
func TestAClaimThatIsGoneWhileItWasTold(t *testing.T) {
	d := newDesk(t).up().held()
	d.at(7500*time.Millisecond, due{})
	d.at(7600*time.Millisecond, batch(19, false, claim(19, 99, "other")), renewed{7500 * time.Millisecond, 7, store.Head{Cluster: 1, Revision: 19}, nil})
	d.out = nil
	d.at(7700*time.Millisecond, returned{one, 10})
	if slices.Contains(d.out, "start") || slices.Contains(d.out, "remove") {
		t.Error(d.out)
	}
}

// A delete that finds nothing is over when the view has that, whatever its revision was.
func TestADeleteThatFindsNothing(t *testing.T) {
	d := newDesk(t).up().held()
	d.at(2*second, ended{one, 10, errLate})
	d.at(2*second, returned{one, 10}, updated{7, d.wish, store.Answer{Done: true}, nil})
	d.at(2*second, deleted{one, 10, store.Answer{Head: store.Head{Cluster: 1, Revision: 1000}}, nil}) // elsewhere etcd is at 1000
	d.at(2*second, batch(12, false, store.Change{Entry: store.Entry{Key: "/tend/1/f/c/r/0"}, Gone: true}))
	if d.books.of(one) != nil {
		t.Error("it waits for a revision that the fleet may never have")
	}
}

// A release is told once, by whichever comes first of the answer and the view, or by the view
// alone if the answer is lost.
func TestAReleaseIsToldOnce(t *testing.T) {
	gone := batch(12, false, store.Change{Entry: store.Entry{Key: "/tend/1/f/c/r/0"}, Gone: true})
	done := deleted{one, 10, store.Answer{Head: store.Head{Cluster: 1, Revision: 12}, Done: true}, nil}
	lost := deleted{one, 10, store.Answer{}, errLate}
	for name, come := range map[string][]message{
		"answer, view": {done, gone}, "view, answer": {gone, done}, "view": {lost, gone}, "view, lost answer": {gone, lost},
	} {
		d := newDesk(t).up().held()
		d.at(2*second, ended{one, 10, errLate})
		d.at(2*second, returned{one, 10}, updated{7, d.wish, store.Answer{Done: true}, nil})
		d.out = nil
		for _, m := range come {
			d.at(2*second, m)
		}
		released := slices.DeleteFunc(d.out, func(out string) bool { return out != "released" })
		if len(released) != 1 || d.books.of(one) != nil {
			t.Errorf("%s: told %d times", name, len(released))
		}
	}
}

// What has changed while the own key was made is said at once, and after a failure not so soon.
func TestTheOwnKeyIsUpToDateAtOnce(t *testing.T) {
	d := newDesk(t)
	d.at(0, opened{lease: 7, head: store.Head{Cluster: 1, Revision: 1}})
	d.at(0, batch(5, true)).want("register")
	d.at(0, registered{7, d.wish, store.Answer{}, errLate}).want("engine lost")
	d.at(retry-1, due{}).want()
	d.at(retry, due{}).want("register")
	said := d.wish
	d.at(retry, attached{takes{role: "r", timeout: 2 * second, weight: 1}}).want()
	own := d.member("me", 6)
	own.Lease = 7
	d.at(retry, registered{7, said, answer(6, own.Entry), nil}).want("engine back", "joined", "update")
}

// A change of the own key to which no answer came may have been made: it is made good, whatever
// the key should say by then; so is one that comes late.
func TestTheOwnKeyIsMadeGood(t *testing.T) {
	serves := attached{takes{role: "r", timeout: 2 * second, weight: 1}}
	d := newDesk(t).up()
	d.at(1500*time.Millisecond, detached{role: "r", cause: errLate}).want("update")
	without := d.wish
	d.at(1600*time.Millisecond, serves)
	d.out = nil
	d.at(1700*time.Millisecond, updated{7, without, store.Answer{}, errLate})
	d.out = nil
	d.at(1900*time.Millisecond, due{}).want("update")
	with := d.wish
	d.at(1900*time.Millisecond, updated{7, with, answer(20, store.Entry{}), nil}).want("engine back")
	own := d.member("me", 6)
	own.Lease, own.Value = 7, with
	d.at(2*second, batch(20, false, own))
	d.out = nil
	d.at(2100*time.Millisecond, due{})
	if slices.Contains(d.out, "update") {
		t.Error("it says what it should, and is changed")
	}
	d.out = nil
	own.Value = without
	if d.at(2200*time.Millisecond, batch(21, false, own)); !slices.Contains(d.out, "update") {
		t.Errorf("an earlier change came late: %q", d.out)
	}
}

// That the number of shards differs is told each minute, whatever else happens.
func TestShardsThatDifferAreToldEachMinute(t *testing.T) {
	d := newDesk(t)
	d.shards = 1
	d.at(0, attached{takes{role: "r", shards: 1, timeout: 2 * second, weight: 1}})
	d.at(0, opened{lease: 7, head: store.Head{Cluster: 1, Revision: 1}})
	own := d.member("me", 6)
	own.Lease = 7
	d.at(0, batch(5, true, store.Change{Entry: store.Entry{Key: "/tend/1/f/g/r", Value: countOf(2)}}, claim(4, 99, "other")))
	d.at(0, registered{7, d.wish, answer(6, own.Entry), nil}, batch(6, false, own))
	var at []instant
	for now := instant(0); now <= 190*second; now += second {
		if now == 10*second {
			d.at(now, batch(7, false, d.member("other", 7)))
		}
		d.out = nil
		d.at(now, due{}, renewed{lease: 7, sent: now})
		if slices.Contains(d.out, "shards differ") {
			at = append(at, now)
		}
	}
	if diff := cmp.Diff([]instant{second, 61 * second, 121 * second, 181 * second}, at); diff != "" {
		t.Error(diff)
	}
}

// A node that leaves tells of each release, also if the end of its lease was one.
func TestALeavingNodeTellsOfEachRelease(t *testing.T) {
	d := newDesk(t).up().held()
	d.at(1500*time.Millisecond, stop{errLate}).want("tell", "update")
	d.at(1500*time.Millisecond, returned{one, 10}).want()
	d.at(1500*time.Millisecond, updated{7, d.wish, answer(11, store.Entry{}), nil}).want("remove")
	d.at(1600*time.Millisecond, deleted{one, 10, store.Answer{}, errLate}).want("engine lost", "revoke")
	d.at(1600*time.Millisecond, revoked{7, nil}).want("released", "left", "finish")
}

// A lease that ends with all its keys has lost what was owned, though nothing of that runs any
// more when the node learns of it. If it has not ended the keys were deleted.
func TestKeysThatGoBeforeTheirLease(t *testing.T) {
	robbed := func() *desk {
		d := newDesk(t).up().held()
		own := d.member("me", 6)
		own.Gone = true
		d.at(1500*time.Millisecond, batch(11, false, own, store.Change{Entry: store.Entry{Key: "/tend/1/f/c/r/0"}, Gone: true}))
		d.at(1500*time.Millisecond, returned{one, 10})
		d.out = nil
		return d
	}
	d := robbed()
	for _, e := range d.step(1600*time.Millisecond, registered{7, d.wish, store.Answer{}, store.ErrNoLease}) {
		if e, is := e.(emit); is && e.event.Kind == KindLeaseLost && e.event.Owned != 1 {
			t.Errorf("%d were owned", e.event.Owned)
		}
	}
	d = robbed()
	d.at(2*second, due{})
	d.out = nil
	d.at(2*second, renewed{lease: 7, sent: 2 * second}).want("released")
	d.at(4*second, renewed{lease: 7, sent: 4 * second})
	if slices.Contains(d.out, "released") {
		t.Error("it is told again")
	}
	for err, want := range map[error]string{nil: "released", store.ErrNoLease: "lease lost"} { // of one that leaves first
		d = robbed()
		d.at(1600*time.Millisecond, stop{})
		d.at(1600*time.Millisecond, updated{7, d.wish, answer(12, store.Entry{}), nil})
		d.out = nil
		d.at(1700*time.Millisecond, revoked{7, err}).want(want, "left", "finish")
	}
}

// A claim that was told, and runs again, may overrun again.
func TestAnOverrunIsToldOfEachTime(t *testing.T) {
	d := newDesk(t).up().held()
	for i, at := range []instant{0, 10 * second} {
		d.at(at+7500*time.Millisecond, due{})
		if d.books.of(one).state != told {
			t.Fatalf("round %d: it is %v", i, d.books.of(one).state)
		}
		d.out = nil
		d.at(d.overrunAt(d.books.of(one)), due{})
		if !slices.Contains(d.out, "overrun") {
			t.Errorf("round %d: %q", i, d.out)
		}
		now := d.now
		d.at(now, renewed{lease: 7, sent: at + 7500*time.Millisecond}, returned{one, 10})
		d.at(10*second, renewed{lease: 7, sent: 10 * second})
	}
}

// A node that could not end its lease says so when it leaves.
func TestALeaseThatIsNotRevokedIsTold(t *testing.T) {
	for _, fails := range []error{nil, errLate} {
		d := newDesk(t).up()
		d.at(second, stop{})
		var left *Event
		for _, e := range d.step(second, updated{7, d.wish, store.Answer{Done: true}, nil}, revoked{7, fails}) {
			if e, ok := e.(emit); ok && e.event.Kind == KindLeft {
				left = &e.event
			}
		}
		if left == nil || !errors.Is(left.Err, fails) {
			t.Error(fails, left)
		}
	}
}

// If no member has a weight nobody will run a shard, and that is told; one that only looks
// is told of another number of shards than its own.
func TestNobodyWillRunIt(t *testing.T) {
	d := newDesk(t).up()
	own := d.member("me", 6)
	own.Lease, own.Value = 7, strings.Replace(own.Value, `"weight":1`, `"weight":0`, 1)
	d.at(second, batch(7, false, own)).at(second+calm, due{})
	if !slices.Contains(d.out, "declined by all") {
		t.Error(d.out)
	}
	d = newDesk(t)
	d.up()
	d.at(second, attached{takes{role: "looked at", shards: 5, looks: true}})
	d.at(second, batch(8, false, store.Change{Entry: store.Entry{Key: "/tend/1/f/g/looked at", Value: "4"}}))
	d.at(second+calm, due{})
	if !slices.Contains(d.out, "shards differ") {
		t.Error(d.out)
	}
}

// Claims that have not changed are not shown again.
func TestOnlyNewsIsShown(t *testing.T) {
	d := newDesk(t).up().held()
	shows := func(now instant, m ...message) (roles []string) {
		for _, e := range d.step(now, m...) {
			if e, ok := e.(show); ok && e.role != "" {
				roles = append(roles, e.role)
			}
		}
		return roles
	}
	d.step(2*second, due{})
	if got := shows(2*second, suspended{}, attached{takes{role: "s", looks: true}}); got != nil {
		t.Error("before the look", got)
	}
	for _, tt := range []struct {
		what string
		m    message
		want []string
	}{
		{"a role", due{}, []string{"r", "s"}},
		{"nothing", batch(20, false), nil},
		{"a claim", batch(21, false, claim(10, 7, "me")), []string{"r"}},
		{"a member", batch(22, false, d.member("other", 22)), []string{"r", "s"}},
	} {
		if got := append(shows(3*second, tt.m), shows(3*second+calm, due{})...); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v", tt.what, got)
		}
	}
}
