package observe

import (
	"cmp"
	"hash/fnv"
	"log/slog"
	"strings"

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

// entry is one line of the event log, as it travels. The text is taken once and
// bounded, so that the log does not keep what user code put into an error.
type entry struct {
	Time  int64      `json:"t"` // Unix milliseconds
	Kind  string     `json:"k"` // "failed", "pause began"
	Level slog.Level `json:"l"`
	ID    uint64     `json:"i"` // of the service; 0: about the supervisor
	Path  string     `json:"p"`
	Name  string     `json:"n"` // the last part of Path
	Text  string     `json:"x,omitempty"`
	Same  uint32     `json:"f"` // equal for events that a page may fold
	// Stacks of its goroutines, if the event has some. Only api/node tells them.
	Stacks string `json:"stacks,omitempty"`
}

func newEntry(e tend.Event) entry {
	from := e.From()
	text, _ := strings.CutPrefix(e.String(), from.Path()+": ")
	kind, text, _ := strings.Cut(text, ": ")
	kind = strings.TrimPrefix(kind, "service ")
	if text == "0 restarts" {
		text = "" // the first start is nothing special
	}
	return entry{
		Time:   millis(from.Time),
		Kind:   said.Short(kind, maxText),
		Level:  e.Level(),
		ID:     from.Token.ID(),
		Path:   said.Short(from.Path(), maxPath),
		Name:   said.Short(cmp.Or(from.Service, treepath.Name(from.Supervisor)), maxName),
		Text:   said.Short(text, maxText),
		Same:   sameness(from.Supervisor+"\n"+kind, e),
		Stacks: said.Short(stacksIn(e), maxStacks),
	}
}

// sameness is equal for events of one kind in one supervisor with the same error,
// whatever counts and durations their texts tell.
func sameness(what string, e tend.Event) uint32 {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(what))
	for _, a := range e.LogValue().Group() {
		if a.Key == "error" || a.Key == "cause" {
			_, _ = sum.Write([]byte(a.Value.String()))
		}
	}
	return sum.Sum32()
}

// stacksIn are the stacks that an event carries, if any.
func stacksIn(e tend.Event) string {
	switch e := e.(type) { //nolint:gochecksumtype // the others have none
	case tend.ServiceUnresponsive:
		return e.Stacks
	case tend.ServiceStuck:
		return e.Stacks
	}
	return ""
}
