package goroutines

import "testing"

func TestLabelOf(t *testing.T) {
	for _, c := range []struct {
		supervisor, name string
		id               uint64
		want             string
	}{
		{"shop/db", "pool", 17, "shop/db/pool#17"},
		{"", "pool", 17, "pool#17"},
		{"a%2Fb", "c/d#4", 1 << 63, "a%2Fb/c%2Fd#4#9223372036854775808"},
	} {
		got := LabelOf(c.supervisor, c.name, c.id)
		if got != c.want || IDOf(got) != c.id {
			t.Errorf("%q, with the number %d", got, IDOf(got))
		}
	}
	for _, other := range []string{"", "pool", "pool#", "pool#-1", "pool#x", "pool#18446744073709551616"} {
		if id := IDOf(other); id != 0 {
			t.Errorf("%q has the number %d", other, id)
		}
	}
}
