package cluster

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

func fleet(n int) (members []candidate) {
	for i := range n {
		members = append(members, candidate{name: fmt.Sprint("node-", i+1), weight: 1})
	}
	return members
}

// spread counts the shards of each.
func spread(placed []string) map[string]int {
	n := map[string]int{}
	for _, name := range placed {
		n[name]++
	}
	return n
}

func moves(from, to []string) (n int) {
	for shard := range from {
		if from[shard] != "" && from[shard] != to[shard] {
			n++
		}
	}
	return n
}

func TestPlaceSpreadsEvenly(t *testing.T) {
	for n := range 12 {
		for _, shards := range []int{1, 7, 256, 1024} {
			placed := place("orders", fleet(n+1), make([]string, shards))
			for name, has := range spread(placed) {
				if low := shards / (n + 1); has < low || has > low+1 {
					t.Errorf("%d shards on %d members: %s has %d", shards, n+1, name, has)
				}
			}
		}
	}
}

// A death moves nothing that lives, a join moves exactly the joiner's share.
func TestPlaceMovesTheLeast(t *testing.T) {
	three := place("orders", fleet(3), make([]string, 256))
	two := place("orders", fleet(2), three)
	if n := moves(three, two); n != spread(three)["node-3"] {
		t.Errorf("a death moves %d shards, and node-3 had %d", n, spread(three)["node-3"])
	}
	back := place("orders", fleet(3), two)
	if n, has := moves(two, back), spread(back)["node-3"]; n != has || has != 85 {
		t.Errorf("a join moves %d, for a share of %d", n, has)
	}
	home := 0
	for shard := range three {
		if three[shard] == "node-3" && back[shard] == "node-3" {
			home++
		}
	}
	if share := float64(home) / 85; share < 0.5 {
		t.Errorf("%.0f %% of its shards come home", 100*share)
	}
	if again := place("orders", fleet(3), back); !slices.Equal(again, back) {
		t.Error("what is even is moved")
	}
}

// From any state, by single steps in any order, at most as many moves more than the least
// as there are members.
func TestPlaceConverges(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		members := fleet(1 + r.IntN(7))
		for i := range members {
			members[i].weight = 0.5 + r.Float64()
		}
		owners := make([]string, 1+r.IntN(100))
		for i := range owners {
			if r.IntN(4) > 0 {
				owners[i] = members[r.IntN(len(members))].name
			}
		}
		least := moves(owners, place("r", members, owners))
		made := 0
		for {
			placed := place("r", members, owners)
			var differ []int
			for i := range placed {
				if placed[i] != owners[i] {
					differ = append(differ, i)
				}
			}
			if len(differ) == 0 {
				break
			}
			i := differ[r.IntN(len(differ))]
			if owners[i] != "" {
				made++
				owners[i] = ""
			} else {
				owners[i] = placed[i]
			}
			if made > least+len(members) {
				t.Fatalf("seed %d: %d moves, and %d were the least", seed, made, least)
			}
		}
	}
}

func TestPlaceHeedsWeights(t *testing.T) {
	members := fleet(3)
	members[0].weight = 2
	got := spread(place("orders", members, make([]string, 100)))
	if got["node-1"] != 50 || got["node-2"] != 25 || got["node-3"] != 25 {
		t.Error(got)
	}
	if got := place("orders", nil, make([]string, 2)); got[0] != "" {
		t.Error("placed at nobody's:", got)
	}
}

// Who declines a shard gets it only never: somebody beyond its share does before.
func TestPlaceHeedsDeclines(t *testing.T) {
	members := fleet(2)
	members[0].declines = map[int]bool{0: true, 1: true}
	for _, who := range place("orders", members, make([]string, 2)) {
		if who != "node-2" {
			t.Error("placed at", who)
		}
	}
	members[1].declines = members[0].declines
	if got := place("orders", members, make([]string, 2)); got[0] != "" || got[1] != "" {
		t.Error("declined by all and placed at", got)
	}
}

// The singletons of many roles are not all on one member.
func TestPlaceSpreadsSingletons(t *testing.T) {
	n := map[string]int{}
	for i := range 300 {
		n[place(fmt.Sprint("role-", i), fleet(3), make([]string, 1))[0]]++
	}
	for name, has := range n {
		if has < 70 || has > 130 {
			t.Errorf("%s has %d of 300", name, has)
		}
	}
}

// What keys are in a shard is stored by users: it never changes.
func TestShardIsFixedForEver(t *testing.T) {
	for key, want := range map[string]int{"": 38, "a": 91, "customer-17": 105} {
		if got := shardOf(key, 256); got != want {
			t.Errorf("%q is in shard %d, not %d", key, got, want)
		}
	}
	if shardOf("x", 0) != 0 {
		t.Error("a singleton has one shard")
	}
}

func BenchmarkPlace(b *testing.B) {
	members := fleet(10)
	owners := place("orders", members, make([]string, 1024))
	for b.Loop() {
		place("orders", members, owners)
	}
}
