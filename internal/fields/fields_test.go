package fields

import (
	"errors"
	"testing"
	"time"
)

type origin struct{ Name string }

func TestPrint(t *testing.T) {
	base := time.Unix(100, 0)
	known := func(text string) string { return map[string]string{"it was removed": "ErrRemoved"}[text] }
	for _, c := range []struct {
		in   any
		want string
	}{
		{struct{}{}, ""},
		{struct {
			origin
			Err   error
			Cause error
		}{origin{"x"}, errors.New("boom"), errors.New("it was removed")}, "err=boom cause=ErrRemoved"},
		{struct {
			Restarting bool
			Late       bool
			Count      float64
			Took       time.Duration
			hidden     int
		}{true, false, 2.5, time.Second, 1}, "restarting count=2.5 took=1s"},
		{struct{ Until time.Time }{base.Add(time.Minute)}, "until=1m0s"},
		{struct{ Text string }{"two words"}, `text="two words"`},
		{struct{ N, Zero int }{N: 3}, "n=3"},
	} {
		if got := Print(c.in, base, known); got != c.want {
			t.Errorf("%#v is printed as %q, want %q", c.in, got, c.want)
		}
	}
}
