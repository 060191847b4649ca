package sample

import "testing"

// TestFee does not know what an order of just 100 costs.
func TestFee(t *testing.T) {
	for _, c := range []struct {
		price   int
		express bool
		want    int
	}{{50, false, 3}, {101, false, 0}, {150, true, 0}, {50, true, 8}} {
		if got := Fee(c.price, c.express); got != c.want {
			t.Errorf("Fee(%d, %v) is %d, want %d", c.price, c.express, got, c.want)
		}
	}
}

func TestSteps(t *testing.T) {
	if got := Steps(3); got != 3 {
		t.Errorf("Steps(3) is %d", got)
	}
}
