package said

import (
	"fmt"
	"strings"
	"time"
)

// Mail is what there is to say of the messages of an actor, if there is: how many of how
// many wait, for how long the oldest does, for how long one has been in hand (negative:
// none, or nobody knows), how many questions have no answer, how many were lost.
func Mail(waiting, size int, oldest, handling time.Duration, open int, lost uint64) string {
	var notes []string
	if waiting > 0 {
		notes = append(notes, fmt.Sprintf("%d of %s", waiting, Times(size, "message")))
	}
	if oldest >= mentioned {
		notes = append(notes, "the oldest for "+Age(oldest))
	}
	if handling >= mentioned {
		notes = append(notes, "one in hand for "+Age(handling))
	}
	if open > 0 {
		notes = append(notes, Times(open, "open question"))
	}
	if lost > 0 {
		notes = append(notes, fmt.Sprintf("%d lost", lost))
	}
	return strings.Join(notes, ", ")
}

// mentioned is how old a message is that is worth a word.
const mentioned = time.Second

// Since is how long ago a time was; negative if that is none.
func Since(now, at time.Time) time.Duration {
	if at.IsZero() {
		return -1
	}
	return now.Sub(at)
}
