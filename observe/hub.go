package observe

import (
	"context"
	"encoding/json"
	"iter"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/tend-go/tend"
)

// source is what a hub needs of a supervisor.
type source interface {
	Status() tend.Status
	Events(ctx context.Context) iter.Seq[tend.Event]
}

// The pace of a hub. A snapshot of 100,000 services takes some 100 ms, so the
// time between two follows from what the last one took: however many look, it
// costs about a tenth of a core.
const (
	gapMin  = 100 * time.Millisecond // between two snapshots
	gapCost = 9                      // … and at least that many times what one takes
	// stale is when pages want a snapshot though no event came: being stopped and
	// new annotations are not events.
	stale = 2 * time.Second
)

// Bounds of a frame and of the ring of frames that a reader can be behind.
const (
	maxRows    = 5_000 // changed, in one frame; more: the pages fetch all anew
	maxEntries = 200   // in one frame; those before them are only counted
	maxFrames  = 256
	maxRing    = 4 << 20 // bytes
	maxHistory = 20      // events of one service
	maxActs    = 50      // of people
)

// hub turns a tree into what pages are told: the rows of the tree, frames of
// what changed and a log of events. Only the log is kept up while nobody looks.
// Snapshots are taken by those who read, never more often than the pace allows,
// and shared by all of them.
type hub struct {
	tree  source
	epoch string        // makes the ids of frames unlike those of an earlier process
	turn  chan struct{} // of size 1: held while a snapshot is taken

	mu      sync.Mutex
	view    *view  // the last snapshot; nil: none yet
	number  uint64 // of it
	cost    time.Duration
	dirty   bool // an event came after the last snapshot was begun
	journal journal
	acts    journal // the last of what people did, which no flood of failures washes away
	fresh   int     // how many of the last events no frame has told yet
	acted   int     // how many of these are acts
	tally   tally
	frames  []frame       // the ring, oldest first
	bytes   int           // in the ring
	seq     uint64        // of the last frame
	wake    chan struct{} // closed when there is something new; nil: nobody waits
}

// frame is one message to the pages: what changed since the one before.
type frame struct {
	seq  uint64
	data []byte // JSON of a change
}

// change is what a frame says.
type change struct {
	At     int64    `json:"at"` // Unix milliseconds
	Rows   []row    `json:"rows,omitempty"`
	Gone   []uint64 `json:"gone,omitempty"`
	Events []entry  `json:"events,omitempty"` // newest first
	Missed int      `json:"missed,omitempty"` // others before them
}

func newHub(tree source, events int) *hub {
	return &hub{
		tree:    tree,
		epoch:   strconv.FormatInt(time.Now().UnixNano(), 36),
		turn:    make(chan struct{}, 1),
		journal: newJournal(events),
		acts:    newJournal(maxActs),
		tally:   newTally(),
	}
}

// collect reads events until there are no more.
func (h *hub) collect(events iter.Seq[tend.Event]) {
	for e := range events {
		h.add(e)
	}
}

func (h *hub) add(e tend.Event) {
	line := newEntry(e)
	if failed, ok := e.(tend.ServiceFailed); ok {
		h.mu.Lock()
		h.tally.add(line.ID, failed.Time)
		h.mu.Unlock()
	}
	h.note(line)
}

// note adds a line to the log.
func (h *hub) note(line entry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.journal.add(line)
	if line.Kind == "" {
		h.acts.add(line)
		h.acted++
	}
	h.fresh++
	h.dirty = true
	h.wakeReaders()
}

// wakeReaders is called with the lock held.
func (h *hub) wakeReaders() {
	if h.wake != nil {
		close(h.wake)
		h.wake = nil
	}
}

// woken is closed when there is something new: an event or a frame. It must be
// asked for before looking.
func (h *hub) woken() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.wake == nil {
		h.wake = make(chan struct{})
	}
	return h.wake
}

// due says whether there may be something newer than the last snapshot, which is
// also the case if that is older than age, and how long to wait before the next
// may be taken.
func (h *hub) due(age time.Duration) (needed bool, wait time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.view == nil {
		return true, 0
	}
	old := time.Since(h.view.taken)
	return h.dirty || old >= age, max(gapMin, gapCost*h.cost) - old
}

// begin waits for the turn to take a snapshot; end must be called after.
func (h *hub) begin(ctx context.Context) error {
	select {
	case h.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (h *hub) end() { <-h.turn }

// refresh takes a snapshot if one is due, as soon as the pace allows. Of many
// callers one does it and the others wait for that one.
func (h *hub) refresh(ctx context.Context, age time.Duration) error {
	if err := h.begin(ctx); err != nil {
		return err
	}
	defer h.end()
	needed, wait := h.due(age)
	if !needed {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		h.take()
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// take makes a snapshot and a frame of what changed. The caller has the turn.
func (h *hub) take() {
	h.mu.Lock()
	old := h.view
	h.dirty = false
	h.mu.Unlock()

	begun := time.Now()
	status := h.tree.Status()
	next := newView(status, begun, old)
	c, fits := change{At: millis(status.Time)}, false
	if old != nil {
		c.Rows, c.Gone, fits = next.changes(old, maxRows)
	}

	h.mu.Lock()
	defer h.mu.Unlock()
	h.view, h.cost = next, time.Since(begun)
	h.number++
	c.Events = h.untold()
	c.Missed = h.fresh - len(c.Events)
	h.fresh, h.acted = 0, 0
	switch {
	case old == nil: // nobody can have seen an earlier one
	case !fits:
		h.forget()
	case len(c.Rows)+len(c.Gone)+len(c.Events) > 0:
		h.publish(c)
	}
}

// untold are the events that no frame has told yet, newest first: the last of all, and the
// acts before them. It is called with the lock held.
func (h *hub) untold() []entry {
	list := h.journal.lines(0, min(h.fresh, maxEntries))
	acts := 0
	for _, e := range list {
		if e.Kind == "" {
			acts++
		}
	}
	return append(list, h.acts.lines(acts, h.acted-acts)...)
}

// publish adds a frame to the ring. It is called with the lock held.
func (h *hub) publish(c change) {
	data, err := json.Marshal(c)
	if err != nil {
		panic("tend/observe: " + err.Error()) // a change holds nothing that could fail
	}
	h.seq++
	h.frames = append(h.frames, frame{h.seq, data})
	h.bytes += len(data)
	for len(h.frames) > maxFrames || h.bytes > maxRing && len(h.frames) > 1 {
		h.bytes -= len(h.frames[0].data)
		h.frames = slices.Delete(h.frames, 0, 1)
	}
	h.wakeReaders()
}

// forget empties the ring, so that everybody who reads starts anew.
func (h *hub) forget() {
	h.seq++
	h.frames, h.bytes = nil, 0
	h.wakeReaders()
}

// restart makes everybody start anew: events are missing before this moment.
func (h *hub) restart() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dirty = true
	h.forget()
}

// after returns the frames after the one numbered seq. ok is false if some of
// them have left the ring: the reader must start anew.
func (h *hub) after(seq uint64) (frames []frame, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if seq > h.seq || h.seq-seq > uint64(len(h.frames)) {
		return nil, false
	}
	return append(frames, h.frames[uint64(len(h.frames))-(h.seq-seq):]...), true
}

// update takes a snapshot if the pace allows one now.
func (h *hub) update(ctx context.Context) error {
	if _, wait := h.due(0); wait > 0 {
		return nil
	}
	if err := h.begin(ctx); err != nil {
		return err
	}
	defer h.end()
	if _, wait := h.due(0); wait <= 0 {
		h.take()
	}
	return nil
}

// now returns a view that is as new as the pace allows without waiting for it.
func (h *hub) now(ctx context.Context) (*view, error) {
	err := h.update(ctx)
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.view, err
}

// opening is the tree at a moment, and what a page must know to go on from there.
type opening struct {
	edition
	view   *view
	told   []entry // the last events before it, newest first
	acts   []entry // the last of them that are acts
	wanted uint64  // the service that is to be among the rows of a large tree; 0: none
}

// edition tells openings apart: those that are equal say the same.
type edition struct {
	number uint64 // of the view
	id     string // where the frames after it begin
}

// opening is a view as new as the pace allows, with the last events before it.
func (h *hub) opening(ctx context.Context) (*opening, error) {
	if err := h.update(ctx); err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return &opening{
		edition: edition{h.number, h.id(h.seq)}, view: h.view,
		told: h.journal.lines(h.fresh, maxLog), acts: h.acts.lines(h.acted, maxActs),
	}, nil
}

// history is what is known of the past of one service, whose id and path are
// given, and of the services below it: the last events, newest first, and the
// failures in each of the last 60 minutes.
func (h *hub) history(id uint64, path string, below []uint64) ([]entry, []uint32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.journal.about(id, path, maxHistory), h.tally.sum(append(below, id), h.view.status.Time)
}

// minutes are the failures of the whole tree in each of the last 60 minutes.
func (h *hub) minutes(at time.Time) []uint32 {
	h.mu.Lock()
	defer h.mu.Unlock()
	total := make([]uint32, tallyMinutes)
	h.tally.whole.addTo(total, at.Unix()/60)
	return total
}

// last is the number of the last frame.
func (h *hub) last() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.seq
}

// id is the id of a frame, as readers know it.
func (h *hub) id(seq uint64) string { return h.epoch + "." + strconv.FormatUint(seq, 10) }
