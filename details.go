package tend

import (
	"log/slog"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/tend-go/tend/internal/guard"
)

// hearing is from which level on somebody gets events.
type hearing slog.Level

const (
	everything hearing = math.MinInt
	noDetails          = hearing(slog.LevelInfo)
	nobody     hearing = math.MaxInt
)

func (h hearing) anything() bool  { return h < nobody }
func (h hearing) details() bool   { return h <= hearing(slog.LevelDebug) }
func (h hearing) of(e Event) bool { return hearing(e.Level()) >= h }

// details is whether a hook wants the events at level debug, as most are. The log that is the
// default throws them away, mostly. What comes and goes by the hundred thousand is cheaper by
// a third where they are not made for it, and it does not miss, and tell of, what it did not
// want.
//
// Whether it wants them is asked when it is through with all that it was told, and said to
// those who make events. It may think otherwise at any time: so the first one that comes a
// moment later is handed to it, and it is asked again.
type details struct {
	wanted func() bool // user code; nil: they are
	asking bool        // the hook's; it is being asked, or did not come back from that
	came   time.Time   // the last event, under mu of the sink

	// not is when it was last told of an event, in nanoseconds of the time of day, if it has
	// said since that it wants none of them, or has not come to say otherwise; 0: it wants
	// them, or was told of what may make it want them.
	not atomic.Int64
}

// answerFor is how long it is taken at its word.
const answerFor = 100 * time.Millisecond

// wantsDetails: the hook wants events at level debug at that time, or may.
func (d *details) wantsDetails(at time.Time) bool {
	if d.wanted == nil {
		return true
	}
	not := d.not.Load()
	age := at.UnixNano() - not
	return not == 0 || age < 0 || age >= int64(answerFor) // a clock may be set back
}

// wantsAny of events that have happened at once.
func (d *details) wantsAny(events []Event) bool {
	return d.wantsDetails(events[0].From().Time) || slices.ContainsFunc(events, isMore)
}

// isMore: e is no detail.
func isMore(e Event) bool { return e.Level() > slog.LevelDebug }

// tellOf: it is being told of these. Its word holds on if they are details: else of thousands
// that come until it is asked some would find no room. The caller holds mu of the sink.
func (d *details) tellOf(events []Event) {
	if d.wanted == nil {
		return
	}
	d.came = events[0].From().Time
	if slices.ContainsFunc(events, isMore) {
		d.not.Store(0)
	} else if d.not.Load() != 0 {
		d.not.Store(d.came.UnixNano())
	}
}

// told: it has been told of all that has come, and has been asked. The caller holds mu of the
// sink.
func (d *details) told(wanted bool) {
	switch {
	case d.wanted == nil: // and never was it otherwise
	case wanted:
		d.not.Store(0)
	default:
		d.not.Store(d.came.UnixNano())
	}
}

// askWhether they are wanted. Who does not know is told.
func (d *details) askWhether() (wanted bool) {
	if d.wanted == nil || d.asking {
		return true
	}
	d.asking, wanted = true, true
	guard.Do(func() { wanted = d.wanted() })
	d.asking = false
	return wanted
}
