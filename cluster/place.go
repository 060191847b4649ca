package cluster

import (
	"cmp"
	"hash/fnv"
	"math"
	"slices"
	"strconv"
)

// placement is the version of what place decides. While members differ in it nothing
// that runs is moved.
const placement = 1

// A candidate is a member that takes shards of a role.
type candidate struct {
	name     string
	weight   float64 // over 0
	declines map[int]bool
}

// place says whose each shard of a role should be; "" if nobody may have it. owners are
// who has them now, "" or a name that is no candidate's: nobody. What runs stays as far as
// shares allow. It is pure: nodes that see the same decide the same.
func place(role string, members []candidate, owners []string) []string {
	members = slices.SortedFunc(slices.Values(members), func(a, b candidate) int { return cmp.Compare(a.name, b.name) })
	t := &table{role: role, members: members, owners: owners, placed: make([]string, len(owners))}
	t.count()
	t.share()
	t.keep()
	t.fill()
	return t.placed
}

// A table is one placement being made.
type table struct {
	role    string
	members []candidate
	owners  []string
	placed  []string
	owned   map[string][]int // shards by owner
	room    map[string]int   // share less what is placed; below 0: over the share
}

func (t *table) count() {
	t.owned = map[string][]int{}
	for _, m := range t.members {
		t.owned[m.name] = nil
	}
	for shard, owner := range t.owners {
		if _, ok := t.owned[owner]; ok {
			t.owned[owner] = append(t.owned[owner], shard)
		}
	}
}

// share sets room to the shares: the whole part of each, and one more for as many as the
// sum needs: first for those who have more anyway.
func (t *table) share() {
	t.room = map[string]int{}
	var sum float64
	for _, m := range t.members {
		sum += m.weight
	}
	left := len(t.owners)
	rest := map[string]float64{}
	for _, m := range t.members {
		whole, part := math.Modf(float64(len(t.owners)) * (m.weight / sum))
		t.room[m.name], rest[m.name] = int(whole), part
		left -= int(whole)
	}
	for _, m := range t.byRest(rest) {
		if left <= 0 {
			return
		}
		t.room[m.name]++
		left--
	}
}

func (t *table) byRest(rest map[string]float64) []candidate {
	more := func(m candidate) int {
		if len(t.owned[m.name]) > t.room[m.name] {
			return 1
		}
		return 0
	}
	by := slices.Clone(t.members)
	slices.SortStableFunc(by, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(more(b), more(a)), cmp.Compare(rest[b.name], rest[a.name]),
			cmp.Compare(score(b.name, t.role, -1), score(a.name, t.role, -1)))
	})
	return by
}

// keep leaves to each owner what its share allows. The rest, those that somebody with room
// scores highest, is left to fill.
func (t *table) keep() {
	room := t.withRoom()
	for _, m := range t.members {
		shards := t.owned[m.name]
		if over := len(shards) - t.room[m.name]; over > 0 {
			shards = t.lowest(shards, len(shards)-over, room)
		}
		for _, shard := range shards {
			t.placed[shard] = m.name
		}
		t.room[m.name] -= len(shards)
	}
}

// withRoom are those who have less than their share.
func (t *table) withRoom() (room []candidate) {
	for _, m := range t.members {
		if len(t.owned[m.name]) < t.room[m.name] {
			room = append(room, m)
		}
	}
	return room
}

func (t *table) lowest(shards []int, n int, room []candidate) []int {
	best := map[int]uint64{}
	for _, shard := range shards {
		for _, m := range room {
			best[shard] = max(best[shard], score(m.name, t.role, shard))
		}
	}
	by := slices.Clone(shards)
	slices.SortStableFunc(by, func(a, b int) int { return cmp.Compare(best[a], best[b]) })
	return by[:n]
}

func (t *table) fill() {
	for shard, name := range t.placed {
		if name != "" {
			continue
		}
		if m := t.choose(shard); m != "" {
			t.placed[shard] = m
			t.room[m]--
		}
	}
}

// choose is the member with room that scores highest. If all those decline, it is the one
// least over its share.
func (t *table) choose(shard int) string {
	var chosen string
	for _, m := range t.members {
		if !m.declines[shard] && (chosen == "" || t.before(m.name, chosen, shard)) {
			chosen = m.name
		}
	}
	return chosen
}

func (t *table) before(a, b string, shard int) bool {
	return cmp.Or(cmp.Compare(min(t.room[a], 1), min(t.room[b], 1)),
		cmp.Compare(score(a, t.role, shard), score(b, t.role, shard))) > 0
}

// rank is how many candidates that may have the shard come before the member, not
// counting the one that it was placed at. Each waits for those before it.
func rank(role string, members []candidate, shard int, placed, name string) (r int, ok bool) {
	mine := score(name, role, shard)
	for _, m := range members {
		switch {
		case m.declines[shard]:
		case m.name == name:
			ok = true
		case m.name != placed && score(m.name, role, shard) > mine:
			r++
		}
	}
	return r, ok
}

func score(member, role string, shard int) uint64 {
	h := fnv.New64a()
	h.Write([]byte(member + "\x00" + role + "\x00" + strconv.Itoa(shard)))
	return fmix64(h.Sum64())
}

// shardOf is the shard of a key. It is part of what fleets have stored: fixed for ever.
func shardOf(key string, shards int) int {
	h := fnv.New64a()
	h.Write([]byte(key))
	return int(fmix64(h.Sum64()) % uint64(max(shards, 1)))
}

// fmix64 is the finalizer of MurmurHash3: FNV alone differs little in its high bits
// between keys that differ at their end.
func fmix64(k uint64) uint64 {
	k ^= k >> 33
	k *= 0xff51afd7ed558ccd
	k ^= k >> 33
	k *= 0xc4ceb9fe1a85ec53
	return k ^ k>>33
}
