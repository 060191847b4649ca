package cluster

import (
	"log/slog"
	"time"
)

// Kind says what an [Event] is about.
type Kind uint8

// The kinds of events, with their levels.
const (
	KindJoined        Kind = iota + 1 // INFO: the node is up
	KindLeft                          // INFO: it has handed over everything, after Lasted; with Err it could not end its lease
	KindEngineLost                    // WARN: the first operation that failed, with Err
	KindEngineBack                    // INFO: what had failed did not, or nothing has for a second and TTL/5, after Lasted
	KindEngineFull                    // ERROR: it has no space left, with Err: what is free stays so until it has; each minute
	KindLeaseLost                     // ERROR if something was owned, else WARN: all has been told
	KindMemberJoined                  // INFO: Member is in the fleet
	KindMemberLeft                    // INFO: Member is not, any more
	KindClaimed                       // DEBUG: the Claim is this node's
	KindReleased                      // DEBUG: it was, and others may have it now
	KindFree                          // WARN: nobody has had the shard for twice the TTL; once for each time
	KindSuspended                     // WARN: a shard's service was suspended here: nobody runs it, as the claim is kept
	KindDeclined                      // WARN: a service left or gave up here, with Err; the shard goes to another member
	KindDeclinedByAll                 // ERROR: nobody is left to try
	KindNameTaken                     // WARN: another process has this node's name; each minute
	KindShardsDiffer                  // WARN: the fleet has another number of shards of Claim.Role; each minute
	KindOverran                       // ERROR: a told service has not returned in time; before Options.Overrun is called
	KindEngineChanged                 // ERROR: the engine has forgotten what it had; Serve fails
	KindEventsDropped                 // WARN: Dropped events were lost here, as Options.EventHook did not keep up
)

var kinds = [...]struct {
	words string
	level slog.Level
}{
	KindJoined:        {"joined", slog.LevelInfo},
	KindLeft:          {"left", slog.LevelInfo},
	KindEngineLost:    {"engine lost", slog.LevelWarn},
	KindEngineBack:    {"engine back", slog.LevelInfo},
	KindEngineFull:    {"engine full", slog.LevelError},
	KindLeaseLost:     {"lease lost", slog.LevelError},
	KindMemberJoined:  {"member joined", slog.LevelInfo},
	KindMemberLeft:    {"member left", slog.LevelInfo},
	KindClaimed:       {"claimed", slog.LevelDebug},
	KindReleased:      {"released", slog.LevelDebug},
	KindFree:          {"free", slog.LevelWarn},
	KindSuspended:     {"suspended", slog.LevelWarn},
	KindDeclined:      {"declined", slog.LevelWarn},
	KindDeclinedByAll: {"declined by all", slog.LevelError},
	KindNameTaken:     {"name taken", slog.LevelWarn},
	KindShardsDiffer:  {"shards differ", slog.LevelWarn},
	KindOverran:       {"overrun", slog.LevelError},
	KindEngineChanged: {"engine changed", slog.LevelError},
	KindEventsDropped: {"events dropped", slog.LevelWarn},
}

// String returns the words: "lease lost".
func (k Kind) String() string {
	if int(k) < len(kinds) && k > 0 {
		return kinds[k].words
	}
	return "unknown"
}

// Event is something that a node has to tell, besides the events of the tree. Fields that
// do not belong to its Kind are zero.
type Event struct {
	Time   time.Time
	Kind   Kind
	Member string // whom it is about: the node itself, unless a member joined or left
	Claim  Claim  // Token 0: not of a claim, but of the shard or the role
	Err    error
	Lasted time.Duration
	// Owned is how many claims the node had when its lease was lost.
	Owned int
	// Dropped is how many events were lost.
	Dropped int
}

// Level is how much it should worry an operator.
func (e Event) Level() slog.Level {
	switch {
	case int(e.Kind) >= len(kinds):
		return slog.LevelInfo
	case e.Kind == KindLeaseLost && e.Owned == 0:
		return slog.LevelWarn
	}
	return kinds[e.Kind].level
}

// LogValue is a group of the fields that are not zero.
func (e Event) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("event", e.Kind.String()), slog.String("member", e.Member)}
	if e.Claim.Role != "" {
		attrs = append(attrs, slog.String("role", e.Claim.Role), slog.Int("shard", e.Claim.Shard))
	}
	if e.Claim.Token != 0 {
		attrs = append(attrs, slog.Int64("token", e.Claim.Token))
	}
	if e.Err != nil {
		attrs = append(attrs, slog.String("error", e.Err.Error()))
	}
	if e.Lasted != 0 {
		attrs = append(attrs, slog.Duration("lasted", e.Lasted))
	}
	if e.Owned != 0 {
		attrs = append(attrs, slog.Int("owned", e.Owned))
	}
	if e.Dropped != 0 {
		attrs = append(attrs, slog.Int("dropped", e.Dropped))
	}
	return slog.GroupValue(attrs...)
}
