package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/tend-go/tend/cluster/internal/store"
)

// errForgot is what Serve fails with when the engine has less than it had.
var errForgot = errors.New("tend/cluster: the engine has forgotten what it had, and would give out tokens again that have been used: " +
	"restore its data with etcdutl snapshot restore --bump-revision --mark-compacted, or raise its revision")

// A memberValue is what a member key says. Fields that are not known are ignored, so that
// versions can mix.
type memberValue struct {
	Addr      string               `json:"addr,omitempty"`
	Meta      map[string]string    `json:"meta,omitempty"`
	Roles     map[string]roleValue `json:"roles,omitempty"`
	Placement int                  `json:"placement"`
}

type roleValue struct {
	Shards   int     `json:"shards"`
	Weight   float64 `json:"weight"`
	Declines []int   `json:"declines,omitempty"`
}

// A claimValue is what a claim's key says.
type claimValue struct {
	Owner string `json:"owner"`
}

// keys are the names in the engine of what a fleet has.
type keys string

func fleetKeys(fleet string) keys { return keys("/tend/1/" + fleet + "/") }

func (k keys) member(name string) string { return string(k) + "m/" + name }
func (k keys) shards(role string) string { return string(k) + "g/" + role }
func (k keys) claims(role string) string { return string(k) + "c/" + role + "/" }
func (k keys) claim(id shardID) string   { return k.claims(id.role) + strconv.Itoa(id.shard) }

// A view is what the node has seen of its fleet. It may be behind, and decides nothing
// that must be right.
type view struct {
	keys    keys
	ready   bool // there has been a snapshot
	head    store.Head
	members map[string]memberEntry
	claims  map[shardID]claimEntry
	counts  map[string]string // numbers of shards by role, as the engine has them
	since   instant           // since when the members are the same
	news    news
}

// news is whose claims look otherwise than when they were last shown.
type news struct {
	all   bool
	roles map[string]bool
}

type memberEntry struct {
	store.Entry
	memberValue
	takes []string // the names of Roles, sorted
}

type claimEntry struct {
	token int64
	lease store.LeaseID
	owner string
}

func newView(fleet keys, floor int64) view {
	v := view{keys: fleet, head: store.Head{Revision: floor}}
	v.clear()
	return v
}

func (v *view) clear() {
	v.news = news{all: true, roles: map[string]bool{}}
	v.members, v.claims, v.counts = map[string]memberEntry{}, map[shardID]claimEntry{}, map[string]string{}
}

// apply takes a batch. One that is older than what was seen changes nothing; a snapshot
// that is was read later than that, and says that the engine has forgotten.
func (v *view) apply(now instant, b store.Batch) error {
	if err := v.same(b.Head); err != nil {
		return err
	}
	if b.Revision < v.head.Revision && b.Snapshot {
		return fmt.Errorf("%w (revision %d, after %d)", errForgot, b.Revision, v.head.Revision)
	}
	if b.Revision <= v.head.Revision && !b.Snapshot {
		return nil
	}
	before := v.members
	if b.Snapshot {
		v.clear()
	} else if slices.ContainsFunc(b.Changes, v.ofMember) {
		v.members = maps.Clone(before)
	}
	v.ready, v.head = true, b.Head
	for _, c := range b.Changes {
		v.change(c)
	}
	if !sameMembers(before, v.members) {
		v.since = now
	}
	return nil
}

// same fails if the answer is another engine's.
func (v *view) same(h store.Head) error {
	if v.head.Cluster != 0 && h.Cluster != 0 && v.head.Cluster != h.Cluster {
		return fmt.Errorf("%w (cluster id %x, after %x)", errForgot, h.Cluster, v.head.Cluster)
	}
	return nil
}

func (v *view) ofMember(c store.Change) bool { return strings.HasPrefix(c.Key, string(v.keys)+"m/") }

func (v *view) change(c store.Change) {
	kind, name, _ := strings.Cut(strings.TrimPrefix(c.Key, string(v.keys)), "/")
	switch kind {
	case "m":
		v.changeMember(name, c)
	case "c":
		v.changeClaim(name, c)
	case "g":
		v.counts[name] = c.Value
		if c.Gone {
			delete(v.counts, name)
		}
	}
}

func (v *view) changeMember(name string, c store.Change) {
	v.news.all = true
	if c.Gone {
		delete(v.members, name)
		return
	}
	m := memberEntry{Entry: c.Entry}
	_ = json.Unmarshal([]byte(c.Value), &m.memberValue) // of a foreign hand: it takes nothing
	m.takes = slices.Sorted(maps.Keys(m.Roles))
	v.members[name] = m
}

// idOf is the shard whose claim has changed; false: it is none.
func (v *view) idOf(c store.Change) (shardID, bool) {
	name, ok := strings.CutPrefix(c.Key, string(v.keys)+"c/")
	if !ok {
		return shardID{}, false
	}
	return claimed(name)
}

// claimed reads what claims are called.
func claimed(name string) (shardID, bool) {
	role, number, _ := strings.Cut(name, "/")
	shard, err := strconv.Atoi(number)
	return shardID{role, shard}, err == nil
}

func (v *view) changeClaim(name string, c store.Change) {
	id, ok := claimed(name)
	if !ok {
		return // a foreign hand's
	}
	v.news.roles[id.role] = true
	if c.Gone {
		delete(v.claims, id)
		return
	}
	var value claimValue
	_ = json.Unmarshal([]byte(c.Value), &value) // of a foreign hand: of an unknown owner
	v.claims[id] = claimEntry{c.Token, c.Lease, value.Owner}
}

func (v *view) isNews(role string) bool { return v.news.all || v.news.roles[role] }

// shown: there is no news any more.
func (v *view) shown() { v.news = news{roles: map[string]bool{}} }

// hasClaims says that somebody has a shard of the role.
func (v *view) hasClaims(role string) bool {
	for id := range v.claims {
		if id.role == role {
			return true
		}
	}
	return false
}

// candidates are the members that take shards of a role, sorted by name. even: none of the
// fleet places by other rules, so that what runs may be moved.
func (v *view) candidates(role string, shards int) (found []candidate, even bool) {
	even = true
	for _, name := range slices.Sorted(maps.Keys(v.members)) {
		m := v.members[name]
		even = even && m.Placement == placement
		r, ok := m.Roles[role]
		if !ok || r.Shards != shards || !(r.Weight > 0) {
			continue
		}
		c := candidate{name: name, weight: r.Weight, declines: map[int]bool{}}
		for _, shard := range r.Declines {
			c.declines[shard] = true
		}
		found = append(found, c)
	}
	return found, even
}

// hasTakers says that members take the role, whatever their weights.
func (v *view) hasTakers(role string, shards int) bool {
	for _, m := range v.members {
		if r, ok := m.Roles[role]; ok && r.Shards == shards {
			return true
		}
	}
	return false
}

// owners are who has each shard of a role; "" if nobody has.
func (v *view) owners(role string, shards int) []string {
	owners := make([]string, shards)
	for shard := range owners {
		owners[shard] = v.claims[shardID{role, shard}].owner
	}
	return owners
}

// member is what others may know of one; its name alone if it is gone.
func (v *view) member(name string) Member {
	m := v.members[name]
	return Member{Name: name, Addr: m.Addr, Meta: m.Meta, Roles: m.takes}
}

// claim is a shard as the view has it; Token 0: nobody's.
func (v *view) claim(id shardID) Claim {
	c := Claim{Role: id.role, Shard: id.shard, Key: v.keys.claim(id)}
	if e, ok := v.claims[id]; ok {
		c.Token, c.Owner = e.token, v.member(e.owner)
	}
	return c
}

// sameMembers compares all but addresses, metadata and declines, for which nothing is to wait.
func sameMembers(a, b map[string]memberEntry) bool {
	return maps.EqualFunc(a, b, func(a, b memberEntry) bool {
		return a.Token == b.Token && maps.EqualFunc(a.Roles, b.Roles, func(a, b roleValue) bool {
			return a.Shards == b.Shards && a.Weight == b.Weight
		})
	})
}

// countOf is the value of a role's number of shards.
func countOf(shards int) string { return strconv.Itoa(shards) }

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
