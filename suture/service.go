package suture

import (
	"errors"

	"github.com/tend-go/tend"
)

// Service is anything that runs until it is done. It is the same type as
// [tend.Service].
//
// Serve blocks while the service works and returns soon after ctx is done. If it
// returns, panics or calls [runtime.Goexit] before, it is called again, unless
// its error is [ErrDoNotRestart] or [ErrTerminateSupervisorTree]. It is never
// called while an earlier call still runs, even if that one did not stop in time.
//
// A service is called what its String method returns when it is added; without
// one, by the name of its type, which has "#2" and so on after it from the second of
// that type on in a supervisor. Its contents are never printed.
type Service = tend.Service

// ServiceToken names a service of one [Supervisor], for [Supervisor.Remove]. It
// is the same type as [tend.ServiceToken]: comparable, and never used again for
// another service. The zero token names none.
type ServiceToken = tend.ServiceToken

// What a service may return from Serve, wrapped or not. Both are the values of
// package tend under v4's names, so that code which compares with == instead of
// errors.Is agrees with the core.
var (
	// ErrDoNotRestart ends a service for good: it leaves its supervisor.
	ErrDoNotRestart = tend.ErrDoNotRestart
	// ErrTerminateSupervisorTree ends the supervisor of the service and, in turn,
	// the supervisors above it up to one with [Spec].DontPropagateTermination.
	ErrTerminateSupervisorTree = tend.ErrTerminateTree
)

// What the methods of a [Supervisor] return.
var (
	// ErrTimeout: the service did not end within the time given to
	// [Supervisor.RemoveAndWait], or not before its supervisor ended.
	ErrTimeout = errors.New("suture: the service did not end in time")
	// ErrWrongSupervisor: the token is zero, or of another supervisor's service.
	// It is the value of package tend.
	ErrWrongSupervisor = tend.ErrWrongSupervisor
	// ErrSupervisorNotStarted is returned by nothing. v4 has it for what is asked of
	// a supervisor before it is served, and does not do that; here it is done.
	ErrSupervisorNotStarted = errors.New("supervisor not started yet")
	// ErrSupervisorNotRunning: [Supervisor.RemoveAndWait] was called when the
	// supervisor was stopping or had stopped. The service has been removed.
	ErrSupervisorNotRunning = errors.New("supervisor not running")
	// ErrSupervisorNotTerminated is returned by nothing, as in v4;
	// [Supervisor.UnstoppedServiceReport] waits instead.
	ErrSupervisorNotTerminated = errors.New("supervisor not terminated")
)
