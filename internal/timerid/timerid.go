// Package timerid has the ids under which a supervisor asks its clock for timers.
// Package tendtest tells them to tests.
package timerid

// The ids, one for each purpose.
const (
	Pause    = 0x7e4d + iota // the end of a pause
	Stop                     // a service that was asked to stop is stuck
	Backoff                  // the delay of a service's own Backoff is over
	Ready                    // a service's ReadyTimeout is over
	Watchdog                 // a service's Watchdog is to be looked at
	Drain                    // a stop waits no longer for its hooks
	Log                      // the default hook sums up what repeats
	Send                     // an actor's timers, and what it has to tell of lost messages
	Idle                     // members of a group are looked at that may be put to sleep
)
