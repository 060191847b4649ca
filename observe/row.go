package observe

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/said"
	"github.com/tend-go/tend/internal/treepath"
)

// Bounds of what a row carries; the detail pane asks for more.
const (
	maxName  = 256 // bytes, as the tree bounds names: the page makes paths of them
	maxError = 160
	maxWhy   = 200
)

// stateNames are the words of the states by number, for the page: the number is
// what travels.
var stateNames = func() (names [tend.StateGone + 1]string) {
	for s := range names {
		names[s] = tend.State(s).String()
	}
	return names
}()

// row is one line of the page, as it travels: a service, or the root. It is
// comparable, so that what changed between two moments is a list of rows. The
// keys are short because a page carries thousands of them.
type row struct {
	ID       uint64 `json:"i"` // of the service's token; 0: the root
	Parent   uint64 `json:"p"` // whose service it is; the root is its own
	Name     string `json:"n"`
	State    uint8  `json:"s"` // index into stateNames
	Since    int64  `json:"t"` // Unix seconds
	Restarts uint64 `json:"r,omitempty"`
	Failed   uint64 `json:"f,omitempty"`
	Error    string `json:"e,omitempty"` // the last failure
	Last     int64  `json:"a,omitempty"` // when that was, Unix seconds
	Until    int64  `json:"u,omitempty"` // waiting until, Unix milliseconds
	Why      string `json:"w,omitempty"` // it is not running, if neither state nor error say enough; of an actor, what is wrong with its messages
	Old      int64  `json:"m,omitempty"` // since when a message of an actor has waited, or been in hand, if that is long, Unix seconds
	Recent   int    `json:"c,omitempty"` // failures that count against Limit
	Limit    int    `json:"l,omitempty"`
	Branch   branch `json:"b,omitzero"` // if it is a supervisor
}

// branch is what the row of a supervisor says beyond that: its failure count and
// the sum of what is below it.
type branch struct {
	Supervisor bool                   `json:"-"`           // false only in the zero branch
	Name       string                 `json:"x,omitempty"` // the next part of its path, if that is not just its service's
	Services   int                    `json:"n"`           // its own that have rows …
	Idle       int                    `json:"z,omitempty"` // … and that have none
	States     [len(stateNames)]int32 `json:"s"`           // services by state, at any depth
	Level      float64                `json:"c"`           // the failure count …
	At         int64                  `json:"a"`           // … at this time, Unix milliseconds
	Threshold  float64                `json:"h"`
	Decay      int64                  `json:"d"`           // half-life of the count, milliseconds
	Paused     int64                  `json:"u,omitempty"` // until, Unix milliseconds
}

// rootRow is the line of the supervisor that the page was made for. It is no
// service of anybody here, so its state is told from what it does: it is running
// exactly while it is ready.
func rootRow(s *tend.Status) row {
	r := row{Name: said.Short(s.Name, maxName), Since: s.Since.Unix(), Why: said.Short(notReady(s), maxWhy), Branch: newBranch(s)}
	state := tend.StatePending
	switch {
	case r.Why == "":
		state = tend.StateRunning
	case !s.Stopping.IsZero():
		state = tend.StateStopping
	case s.Serving:
		state = tend.StateStarting
	}
	r.State = uint8(state)
	return r
}

func serviceRow(parent uint64, s *tend.ServiceStatus, now time.Time) row {
	r := row{
		ID:       s.Token.ID(),
		Parent:   parent,
		Name:     said.Short(s.Name, maxName),
		State:    uint8(min(s.State, tend.StateGone)),
		Since:    s.Since.Unix(),
		Restarts: s.Restarts,
		Failed:   s.Failed,
		Until:    millis(s.WaitingUntil),
		Why:      said.Short(why(s), maxWhy),
		Recent:   s.Recent,
		Limit:    s.Limit.N,
	}
	if n := len(s.Failures); n > 0 {
		r.Error = said.Short(s.Failures[n-1].Err.Error(), maxError)
		r.Last = max(0, s.Failures[n-1].Time.Unix())
	}
	if s.Mailbox != nil && s.State == tend.StateRunning && r.Why == "" {
		r.mail(s.Mailbox, now)
	}
	if s.Supervisor != nil {
		r.Branch = newBranch(s.Supervisor)
		if s.Supervisor.Path != s.Path {
			r.Branch.Name = said.Short(s.Supervisor.Name, maxName)
		}
		r.idle(s.Supervisor.Idle)
	}
	return r
}

// idle says how many services of a supervisor have no row.
func (r *row) idle(n int) {
	if n > 0 && r.Why == "" {
		r.Why = fmt.Sprintf("%d more, idle", n)
	}
}

// long is for how long a message waits or is in hand if somebody should look at that.
const long = 10 * time.Second

// mail says what is wrong with the messages of an actor that runs. What is normal of one
// that is busy is not in the list, or it would change with each look. A failure that has
// cost messages says more than their number.
func (r *row) mail(m *tend.Mailbox, now time.Time) {
	var notes []string
	switch {
	case m.Waiting >= m.Size:
		notes = append(notes, "mailbox full")
	case 2*m.Waiting >= m.Size:
		notes = append(notes, "mailbox half full")
	}
	switch {
	case said.Since(now, m.Handling) >= long:
		notes = append(notes, "a message in hand")
		r.Old = m.Handling.Unix()
	case said.Since(now, m.Oldest) >= long:
		notes = append(notes, "messages wait")
		r.Old = m.Oldest.Truncate(long).Unix()
	}
	if m.Lost > 0 && (len(notes) > 0 || r.Error == "") {
		notes = append(notes, fmt.Sprintf("%d lost", m.Lost))
	}
	r.Why = strings.Join(notes, ", ")
}

// why says in a few words what a service that is stopping or pending waits for.
// In backoff the time and the last error say more.
func why(s *tend.ServiceStatus) string {
	switch {
	case !s.Stopping.IsZero():
		return "because " + because(s.Stopping)
	case s.State == tend.StateBackoff || s.WaitingFor.IsZero():
		return beside(s.Beside)
	case s.HeldBy != "":
		return "waits for " + s.WaitingFor.Error() + ", held by " + treepath.Name(s.HeldBy)
	}
	return "waits for " + s.WaitingFor.Error()
}

// beside says that there is another run of a service that is being replaced.
func beside(b tend.Beside) string {
	if b.Incarnation == 0 {
		return ""
	}
	return fmt.Sprintf("run %d beside it is %v", b.Incarnation, b.State)
}

func newBranch(s *tend.Status) branch {
	return branch{
		Supervisor: true,
		Services:   len(s.Services),
		Idle:       s.Idle,
		Level:      math.Round(finite(s.Count)*100) / 100,
		At:         s.Time.UnixMilli(),
		Threshold:  finite(s.Threshold),
		Decay:      s.Decay.Milliseconds(),
		Paused:     millis(s.PausedUntil),
	}
}

// settle makes r equal to old, an earlier row of the same service, if its failure
// count did nothing but decay since.
func (r *row) settle(old *row) {
	b, o := &r.Branch, &old.Branch
	if b.Supervisor && o.Supervisor && math.Abs(b.Level-o.levelAt(b.At)) < 0.02 {
		b.Level, b.At = o.Level, o.At
	}
}

// levelAt is the failure count at a later time, by the rule of the core:
// count·2^(−Δt/decay).
func (b *branch) levelAt(t int64) float64 {
	if b.Decay <= 0 || t <= b.At {
		return b.Level
	}
	return b.Level * math.Exp2(-float64(t-b.At)/float64(b.Decay))
}

// troubles are the numbers of the states in which somebody should look at a
// service.
var troubles = func() (numbers []int) {
	for n := range stateNames {
		if s := (tend.ServiceStatus{State: tend.State(n)}); s.InTrouble() {
			numbers = append(numbers, n)
		}
	}
	return numbers
}()

// troubled is how many services below are in trouble.
func (b *branch) troubled() (n int) {
	for _, s := range troubles {
		n += int(b.States[s])
	}
	return n
}

// finite replaces what JSON cannot say.
func finite(f float64) float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0
	}
	return f
}

// millis is the Unix time in milliseconds; 0 for the zero time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
