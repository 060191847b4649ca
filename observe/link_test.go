package observe

import (
	"testing"

	"github.com/tend-go/tend"
)

// A link is a path, which is the same in the next program, and an id where there are
// two of that path.
func TestALinkMeansAPath(t *testing.T) {
	s := supervisor("root", "a", "a", "g/", "a").Status()
	v := newView(s, s.Time, nil)
	id := func(s *tend.ServiceStatus) uint64 { return s.Token.ID() }
	first, second, deep := id(&s.Services[0]), id(&s.Services[1]), id(&s.Services[2].Supervisor.Services[0])
	for _, c := range []struct {
		path     string
		id, want uint64
	}{
		{"root/a", 0, first},
		{"root/a", second, second},
		{"root/a", deep, first}, // an id of an earlier program
		{"root/g/a", 1 << 60, deep},
		{"", second, second},
		{"", 1 << 60, 0},
		{"root/x", first, 0},
		{"root", 0, 0},
	} {
		if got := v.wanted(c.path, c.id); got != c.want {
			t.Errorf("%q, %d: %d, want %d", c.path, c.id, got, c.want)
		}
	}
}
