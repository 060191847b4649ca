package tend

import (
	"context"
	"iter"
	"log/slog"
	"time"

	"github.com/thejerf/abtime"
)

// Strategy says which services a failure concerns.
type Strategy uint8

// The strategies are OTP's.
const (
	// OneForOne restarts the service that failed and no other.
	OneForOne Strategy = iota
	// OneForAll stops all others, in reverse order, and starts all again in order.
	OneForAll
	// RestForOne does that with the services added after the one that failed. It
	// implies Ordered.
	RestForOne
)

// String returns "one for one", "one for all" or "rest for one".
func (s Strategy) String() string {
	return enum(s, "one for one", "one for all", "rest for one")
}

// MarshalText returns what String does.
func (s Strategy) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// The ids under which a Supervisor asks its clock for timers; for tests with
// [abtime.ManualTime], whose Trigger fires them one purpose at a time.
const (
	PauseTimer    = 0x7e4d + iota // the end of a pause
	StopTimer                     // services that were asked to stop become stuck
	BackoffTimer                  // the delay of a service's own Backoff is over
	ReadyTimer                    // ReadyTimeout
	WatchdogTimer                 // Watchdog
	RemoveTimer                   // the timeout of RemoveAndWait
	DrainTimer                    // how long a stop waits for hooks
	LogTimer                      // the default hook sums up repeats
)

// Spec says how a [Supervisor] behaves. The zero value of every field is the
// default; the numbers are suture's, which many programs have run with for years.
type Spec struct {
	FailureDecay      time.Duration
	FailureThreshold  float64
	FailureBackoff    time.Duration
	MaxFailureBackoff time.Duration
	Jitter            func(time.Duration) time.Duration
	Escalate          bool
	Strategy          Strategy
	Ordered           bool
	Timeout           time.Duration
	StopBudget        time.Duration
	MaxServices       int
	PassThroughPanics bool
	KeepTermination   bool
	NoLabels          bool
	EventHook         func(Event)
	Clock             abtime.AbstractTime
}

// Supervisor ...
type Supervisor struct{}

type ServiceToken struct{ n *int }

func (t ServiceToken) ID() uint64     { return 0 }
func (t ServiceToken) String() string { return "" }

type instant = time.Duration

type PanicError struct{ Value any }

func (p *PanicError) Error() string { return "" }
func (p *PanicError) Stack() string { return "" }

type TooManyFailures struct {
	Supervisor       string
	Count, Threshold float64
	Last             error
}

func (e *TooManyFailures) Error() string { return "" }
func (e *TooManyFailures) Unwrap() error { return e.Last }

func New(name string, spec Spec) *Supervisor                                       { return &Supervisor{} }
func NewSimple(name string) *Supervisor                                            { return New(name, Spec{}) }
func (s *Supervisor) Name() string                                                 { panic(0) }
func (s *Supervisor) String() string                                               { panic(0) }
func (s *Supervisor) Add(svc Service) ServiceToken                                 { panic(0) }
func (s *Supervisor) Start(ctx context.Context, svc Service) (ServiceToken, error) { panic(0) }
func (s *Supervisor) Remove(t ServiceToken) error                                  { panic(0) }
func (s *Supervisor) RemoveAndWait(t ServiceToken, timeout time.Duration) error    { panic(0) }
func (s *Supervisor) Restart(t ServiceToken, cause error) error                    { panic(0) }
func (s *Supervisor) Suspend(t ServiceToken) error                                 { panic(0) }
func (s *Supervisor) Services() []Service                                          { panic(0) }
func (s *Supervisor) Status() Status                                               { panic(0) }
func (s *Supervisor) WaitReady(ctx context.Context) error                          { panic(0) }
func (s *Supervisor) Serve(ctx context.Context) error                              { panic(0) }
func (s *Supervisor) ServeBackground(ctx context.Context) <-chan error             { panic(0) }
func (s *Supervisor) Stop()                                                        { panic(0) }
func (s *Supervisor) UnstoppedServices() []Unstopped                               { panic(0) }
func (s *Supervisor) Events(ctx context.Context) iter.Seq[Event]                   { panic(0) }

func Ready(ctx context.Context)                             {}
func Alive(ctx context.Context)                             {}
func Annotate(ctx context.Context, attrs ...slog.Attr)      {}
func Go(ctx context.Context, f func(context.Context) error) { go f(ctx) }
func Self(ctx context.Context) (ServiceStatus, bool)        { return ServiceStatus{}, false }
