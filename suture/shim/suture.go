// Package suture puts package [suture] of tend in the place of
// github.com/thejerf/suture/v4, in a whole program, without a change of its source or of
// that of the libraries that it uses: a replace directive in its go.mod names this
// module.
//
//	replace github.com/thejerf/suture/v4 => github.com/tend-go/tend/suture/shim v0.1.0
//
// Everything here is an alias for what has the same name there, so that services,
// supervisors, tokens and errors are the same, whichever path they were imported by.
// Nothing else should import this package: use [suture] itself.
package suture

import (
	"github.com/tend-go/tend/suture"
)

// The types of package [suture].
type (
	// DeprecatedService is [suture.DeprecatedService].
	DeprecatedService = suture.DeprecatedService
	// DefaultJitter is [suture.DefaultJitter].
	DefaultJitter = suture.DefaultJitter
	// Event is [suture.Event].
	Event = suture.Event
	// EventBackoff is [suture.EventBackoff].
	EventBackoff = suture.EventBackoff
	// EventHook is [suture.EventHook].
	EventHook = suture.EventHook
	// EventResume is [suture.EventResume].
	EventResume = suture.EventResume
	// EventServicePanic is [suture.EventServicePanic].
	EventServicePanic = suture.EventServicePanic
	// EventServiceTerminate is [suture.EventServiceTerminate].
	EventServiceTerminate = suture.EventServiceTerminate
	// EventStopTimeout is [suture.EventStopTimeout].
	EventStopTimeout = suture.EventStopTimeout
	// EventType is [suture.EventType].
	EventType = suture.EventType
	// HasSupervisor is [suture.HasSupervisor].
	HasSupervisor = suture.HasSupervisor
	// Jitter is [suture.Jitter].
	Jitter = suture.Jitter
	// NoJitter is [suture.NoJitter].
	NoJitter = suture.NoJitter
	// Service is [suture.Service].
	Service = suture.Service
	// ServiceToken is [suture.ServiceToken].
	ServiceToken = suture.ServiceToken
	// Spec is [suture.Spec].
	Spec = suture.Spec
	// SprintFunc is [suture.SprintFunc].
	SprintFunc = suture.SprintFunc
	// Supervisor is [suture.Supervisor].
	Supervisor = suture.Supervisor
	// UnstoppedService is [suture.UnstoppedService].
	UnstoppedService = suture.UnstoppedService
	// UnstoppedServiceReport is [suture.UnstoppedServiceReport].
	UnstoppedServiceReport = suture.UnstoppedServiceReport
)

// The types of the events.
const (
	EventTypeStopTimeout      = suture.EventTypeStopTimeout
	EventTypeServicePanic     = suture.EventTypeServicePanic
	EventTypeServiceTerminate = suture.EventTypeServiceTerminate
	EventTypeBackoff          = suture.EventTypeBackoff
	EventTypeResume           = suture.EventTypeResume
)

// The errors, which are the values of package [suture].
var (
	ErrDoNotRestart            = suture.ErrDoNotRestart
	ErrTerminateSupervisorTree = suture.ErrTerminateSupervisorTree
	ErrTimeout                 = suture.ErrTimeout
	ErrWrongSupervisor         = suture.ErrWrongSupervisor
	ErrSupervisorNotStarted    = suture.ErrSupervisorNotStarted
	ErrSupervisorNotRunning    = suture.ErrSupervisorNotRunning
	ErrSupervisorNotTerminated = suture.ErrSupervisorNotTerminated
)

// New is [suture.New].
func New(name string, spec Spec) *Supervisor { return suture.New(name, spec) }

// NewSimple is [suture.NewSimple].
func NewSimple(name string) *Supervisor { return suture.NewSimple(name) }

// AsService is [suture.AsService].
func AsService(service DeprecatedService) Service { return suture.AsService(service) }
