package suture

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/tend-go/tend/internal/guard"
	"github.com/tend-go/tend/internal/said"
)

// Event is one of the five structs of this package: [EventStopTimeout],
// [EventServicePanic], [EventServiceTerminate], [EventBackoff], [EventResume].
type Event interface {
	fmt.Stringer
	Type() EventType
	// Map is the event without its pointers, for a logger: package encoding/json
	// can encode all that is in it. Err of an [EventServiceTerminate] is there as
	// what it says, and an infinite FailureThreshold as [math.MaxFloat64].
	Map() map[string]any
}

// EventHook is told what happens. It may call anything, block or panic: it runs
// apart from the supervisors, which do not wait for it. All hooks of a tree are
// called one after the other, in the order of the events. What of them waits for a hook
// that is slow, and what the Serve of the topmost supervisor does for the last, is as
// with [tend.Spec].EventHook; that a hook did not keep up and events are lost is logged,
// with package log, when it goes on.
type EventHook func(Event)

// SprintFunc makes the PanicMsg of an [EventServicePanic] of the value that a
// service panicked with. It runs where the hook runs.
type SprintFunc func(any) string

// EventType says which of the five an [Event] is.
type EventType int

// The types of the events.
const (
	EventTypeStopTimeout EventType = iota
	EventTypeServicePanic
	EventTypeServiceTerminate
	EventTypeBackoff
	EventTypeResume
)

// In the structs, Supervisor is the supervisor that the event is about, or the
// nearest one above if that is a supervisor of package tend. Service is what was
// given to Add; of a service that has left since, or that a supervisor of package
// tend holds, it is a stand-in with the same name.

// EventStopTimeout says that a service that was asked to stop did not return
// within [Spec].Timeout.
type EventStopTimeout struct {
	Supervisor     *Supervisor `json:"-"`
	SupervisorName string      `json:"supervisor_name"`
	Service        Service     `json:"-"`
	ServiceName    string      `json:"service"`
}

// Type returns [EventTypeStopTimeout].
func (e EventStopTimeout) Type() EventType { return EventTypeStopTimeout }

// String is the event in one line. It names the service and does not print it.
func (e EventStopTimeout) String() string {
	return fmt.Sprintf("%s: Service %s failed to terminate in a timely manner", e.SupervisorName, e.ServiceName)
}

// Map has the keys supervisor_name and service_name.
func (e EventStopTimeout) Map() map[string]any {
	return map[string]any{
		"supervisor_name": e.SupervisorName,
		"service_name":    e.ServiceName,
	}
}

// EventServicePanic says that a service panicked. Restarting: it is started again
// at once; if not, it waits for the end of a pause, or was being stopped
// (CurrentFailures is 0 then, as that does not count). FailureThreshold is that of
// the Spec; of a [tend.Child] with a budget of its own, the N of its Limit.
//
// Stacktrace is a traceback as [runtime.Stack] writes it, of the innermost 64
// functions and without their arguments. The goroutine's number is 0: it has ended.
type EventServicePanic struct {
	Supervisor       *Supervisor `json:"-"`
	SupervisorName   string      `json:"supervisor_name"`
	Service          Service     `json:"-"`
	ServiceName      string      `json:"service_name"`
	CurrentFailures  float64     `json:"current_failures"`
	FailureThreshold float64     `json:"failure_threshold"`
	Restarting       bool        `json:"restarting"`
	PanicMsg         string      `json:"panic_msg"`
	Stacktrace       string      `json:"stacktrace"`
}

// Type returns [EventTypeServicePanic].
func (e EventServicePanic) Type() EventType { return EventTypeServicePanic }

// String is the event with its stack, which has many lines.
func (e EventServicePanic) String() string {
	return fmt.Sprintf("%s, panic: %s, stacktrace: %s",
		failure(e.SupervisorName, e.ServiceName, e.CurrentFailures, e.FailureThreshold, e.Restarting),
		e.PanicMsg, e.Stacktrace)
}

// Map has the keys of the JSON tags.
func (e EventServicePanic) Map() map[string]any {
	m := failureMap(e.SupervisorName, e.ServiceName, e.CurrentFailures, e.FailureThreshold, e.Restarting)
	m["panic_msg"] = e.PanicMsg
	m["stacktrace"] = e.Stacktrace
	return m
}

// EventServiceTerminate says that Serve of a service returned, or ended in
// [runtime.Goexit], while nobody had asked it to stop. Err is what it returned, or
// [tend.ErrGoexit]. A context error is wrapped, as v4 does, to say that it is not
// of the service's own context; those are equal if what they wrap is. Restarting
// is as in [EventServicePanic].
//
// A service that returns [ErrDoNotRestart] or [ErrTerminateSupervisorTree] makes
// no event.
type EventServiceTerminate struct {
	Supervisor       *Supervisor `json:"-"`
	SupervisorName   string      `json:"supervisor_name"`
	Service          Service     `json:"-"`
	ServiceName      string      `json:"service_name"`
	CurrentFailures  float64     `json:"current_failures"`
	FailureThreshold float64     `json:"failure_threshold"`
	Restarting       bool        `json:"restarting"`
	Err              any         `json:"error_msg"`
}

// Type returns [EventTypeServiceTerminate].
func (e EventServiceTerminate) Type() EventType { return EventTypeServiceTerminate }

// String is the event in one line.
func (e EventServiceTerminate) String() string {
	return fmt.Sprintf("%s, error: %v",
		failure(e.SupervisorName, e.ServiceName, e.CurrentFailures, e.FailureThreshold, e.Restarting), e.Err)
}

// Map has the keys of the JSON tags, but "error" for what Err says; nil if that is
// nil.
func (e EventServiceTerminate) Map() map[string]any {
	m := failureMap(e.SupervisorName, e.ServiceName, e.CurrentFailures, e.FailureThreshold, e.Restarting)
	m["error"] = encodable(e.Err)
	return m
}

// EventBackoff says that a pause began. Services that fail, or failed just now,
// are not started before its end.
type EventBackoff struct {
	Supervisor     *Supervisor `json:"-"`
	SupervisorName string      `json:"supervisor_name"`
}

// Type returns [EventTypeBackoff].
func (e EventBackoff) Type() EventType { return EventTypeBackoff }

// String is the event in one line.
func (e EventBackoff) String() string {
	return fmt.Sprintf("%s: Entering the backoff state.", e.SupervisorName)
}

// Map has the key supervisor_name.
func (e EventBackoff) Map() map[string]any {
	return map[string]any{"supervisor_name": e.SupervisorName}
}

// EventResume says that the pause ended: the failure count is zero, and all
// services that waited are being started. There is none if the supervisor is stopped
// in a pause, nor when it is served again.
type EventResume struct {
	Supervisor     *Supervisor `json:"-"`
	SupervisorName string      `json:"supervisor_name"`
}

// Type returns [EventTypeResume].
func (e EventResume) Type() EventType { return EventTypeResume }

// String is the event in one line.
func (e EventResume) String() string {
	return fmt.Sprintf("%s: Exiting backoff state.", e.SupervisorName)
}

// Map has the key supervisor_name.
func (e EventResume) Map() map[string]any {
	return map[string]any{"supervisor_name": e.SupervisorName}
}

func failure(supervisor, service string, failures, threshold float64, restarting bool) string {
	return fmt.Sprintf("%s: Failed service '%s' (%f failures of %f), restarting: %t",
		supervisor, service, failures, threshold, restarting)
}

func failureMap(supervisor, service string, failures, threshold float64, restarting bool) map[string]any {
	return map[string]any{
		"supervisor_name":   supervisor,
		"service_name":      service,
		"current_failures":  failures,
		"failure_threshold": max(-math.MaxFloat64, min(threshold, math.MaxFloat64)),
		"restarting":        restarting,
	}
}

// encodable is v, or what it says if package encoding/json may not encode it or, as
// with most errors, would leave out what it says.
func encodable(v any) any {
	if err, is := v.(error); is {
		return said.By(err, err.Error)
	}
	ok := false
	guard.Do(func() { _, err := json.Marshal(v); ok = err == nil })
	if !ok {
		return fmt.Sprint(v)
	}
	return v
}
