package said

import "testing"

type muteKey struct{ panics bool }

func (m muteKey) String() string {
	if m.panics {
		panic("no")
	}
	return ""
}

type twoFields struct{ a, b int }

// TestKey: what a key is called, whatever its String does.
func TestKey(t *testing.T) {
	for want, key := range map[string]any{
		"a": "a", "7": 7, "8": uint64(8), "9": int8(9), "{1 2}": twoFields{1, 2}, "string": "", "said.muteKey": muteKey{}, "true": true,
	} {
		if got := Key(key); got != want {
			t.Errorf("%#v is called %q, want %q", key, got, want)
		}
	}
	if got := Key(muteKey{true}); got != "said.muteKey" {
		t.Errorf("one that panics is called %q", got)
	}
}
