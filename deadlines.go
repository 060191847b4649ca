package tend

// The ids under which a Supervisor asks its clock for timers; for tests with
// [abtime.ManualTime], whose Trigger makes all timers of one purpose fire.
const (
	PauseTimer    = 0x7e4d + iota // the end of a pause
	StopTimer                     // a service that was asked to stop is stuck
	BackoffTimer                  // the delay of a service's own Backoff is over
	ReadyTimer                    // a service's ReadyTimeout is over
	WatchdogTimer                 // a service's Watchdog is to be looked at
	RemoveTimer                   // the timeout of RemoveAndWait is over
	DrainTimer                    // a stop waits no longer for its hooks
	LogTimer                      // the default hook sums up what repeats
)
