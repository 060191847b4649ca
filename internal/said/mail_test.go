package said

import (
	"testing"
	"time"
)

// TestMail: nothing is said of what is not worth it.
func TestMail(t *testing.T) {
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	none := Since(now, time.Time{})
	for _, test := range []struct {
		got, want string
	}{
		{Mail(0, 9, none, none, 0, 0), ""},
		{Mail(0, 9, none, 0, 0, 0), ""},
		{Mail(3, 9, time.Second-1, none, 0, 0), "3 of 9 messages"},
		{Mail(1, 1, time.Second, none, 1, 0), "1 of 1 message, the oldest for 1s, 1 open question"},
		{Mail(0, 9, none, Since(now, now.Add(-time.Minute)), 2, 7), "one in hand for 1m0s, 2 open questions, 7 lost"},
	} {
		if test.got != test.want {
			t.Errorf("%q, want %q", test.got, test.want)
		}
	}
}
