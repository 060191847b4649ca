package observe

import (
	"cmp"
	"hash/fnv"
	"log/slog"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/said"
	"github.com/tend-go/tend/internal/treepath"
)

// Bounds of what the log keeps of an event.
const (
	maxPath   = 400
	maxText   = 200
	maxStacks = 16 << 10
)

// entry is one line of the event log, as it travels: what is bounded of an event,
// so that the log does not keep what user code put into it.
type entry struct {
	Time  int64      `json:"t"`           // Unix milliseconds
	Kind  string     `json:"k,omitempty"` // a tend.Kind; none of an act
	Level slog.Level `json:"l"`
	ID    uint64     `json:"i"` // of the service; 0: about the supervisor
	Path  string     `json:"p"`
	Name  string     `json:"n"` // the last part of Path
	Word  string     `json:"w"` // for Kind, next to Name
	Text  string     `json:"x,omitempty"`
	Same  uint32     `json:"f"` // equal for events that a page may fold
	// Stacks of its goroutines, if the event has some. Only api/node tells them.
	Stacks string `json:"stacks,omitempty"`
}

func newEntry(e tend.Event) entry {
	from, what := e.From(), tell(e)
	return entry{
		Time:   millis(from.Time),
		Kind:   e.Kind().String(),
		Level:  e.Level(),
		ID:     from.Token.ID(),
		Path:   said.Short(from.Path(), maxPath),
		Name:   said.Short(cmp.Or(from.Service, treepath.Name(from.Supervisor)), maxName),
		Word:   what.word,
		Text:   said.Short(what.text, maxText),
		Same:   sameness(e.Kind(), from.Supervisor, what.reason),
		Stacks: said.Short(what.stacks, maxStacks),
	}
}

// entry is the line about a, beside what the tree itself tells of it.
func (a *act) entry() entry {
	text := "by " + a.by.address
	if a.by.user != "" {
		text = "by " + a.by.user + ", " + a.by.address
	}
	now := time.Now()
	return entry{
		Time:  millis(now),
		Level: slog.LevelInfo,
		ID:    a.service.Token.ID(),
		Path:  said.Short(a.service.Path, maxPath),
		Name:  said.Short(a.service.Name, maxName),
		Word:  string(a.action) + " requested",
		Text:  said.Short(text, maxText),
		Same:  uint32(now.UnixNano()), // who did what is not folded
	}
}

// sameness is equal for events of one kind in one supervisor for the same reason,
// whatever counts and durations they have.
func sameness(kind tend.Kind, supervisor string, reason tend.Reason) uint32 {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte{byte(kind)})
	_, _ = sum.Write([]byte(supervisor + "\n" + reason.Error()))
	return sum.Sum32()
}
