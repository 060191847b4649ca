package tendtest

import "github.com/tend-go/tend/internal/timerid"

// The ids under which a supervisor asks its clock for timers. With
// [github.com/thejerf/abtime.ManualTime] as Spec.Clock a test lets the time come for
// one purpose and no other: its Trigger makes all timers of one id fire. Advance
// alone fires none of them.
const (
	PauseTimer    = timerid.Pause    // the end of a pause
	StopTimer     = timerid.Stop     // a service that was asked to stop is stuck
	BackoffTimer  = timerid.Backoff  // the delay of a service's own Backoff is over
	ReadyTimer    = timerid.Ready    // a service's ReadyTimeout is over
	WatchdogTimer = timerid.Watchdog // a service's Watchdog is to be looked at
	DrainTimer    = timerid.Drain    // a stop waits no longer for its hooks
	LogTimer      = timerid.Log      // the default hook sums up what repeats
	SendTimer     = timerid.Send     // a message that an actor sends later, and what it has to tell of lost ones
	IdleTimer     = timerid.Idle     // a quarter of a group's Idle is over: the fifth of a member without a message puts it to sleep
)
