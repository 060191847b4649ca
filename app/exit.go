package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/said"
)

// ExitError is what a service returns to end the program with a status: it is a
// [tend.ErrTerminateTree]. Make one with [Exit].
type ExitError struct {
	Code int   // the exit code, 0 to 255
	Err  error // why; may be nil
}

// Exit makes the error with which a service ends the tree, and [Main] the
// program: return app.Exit(2, err) from Serve. Code 0 is success; err may be nil.
// The code also counts if the service returns it because it was asked to stop along
// with the whole tree, for what it could not save, say; of several such codes the
// first that is not 0, unless another service has ended the tree with one.
// It panics if the code is not one from 0 to 255, as that would arrive as
// another one.
//
// A supervisor in between with Spec.KeepTermination keeps the error to itself.
func Exit(code int, err error) error {
	if code < 0 || code > 255 {
		panic(fmt.Sprintf("tend/app: Exit with code %d", code))
	}
	return &ExitError{code, err}
}

// Error says the code and why.
func (e *ExitError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return fmt.Sprintf("exit code %d: %v", e.Code, e.Err)
}

// Unwrap returns tend.ErrTerminateTree and Err.
func (e *ExitError) Unwrap() []error { return []error{tend.ErrTerminateTree, e.Err} }

// Signalled is the cause with which a signal stops the tree: what
// [context.Cause] is in its services.
type Signalled struct {
	Signal os.Signal
	Time   time.Time // when it was received
}

// Error says "signal: " and its name.
func (s *Signalled) Error() string { return "signal: " + s.Signal.String() }

// exitCode is the status of a program whose tree returned err from Serve: asked,
// if its context had ended, and with so many services that did not stop, and with the
// code that one gave on the way down, if that is not 0.
//
// An escalation is a 1 whatever its last failure was: only who ended the tree by
// its own will, or has been asked to stop, has a say.
func exitCode(err error, asked bool, unstopped, given int) int {
	var exit *ExitError
	switch {
	case !isEscalation(err) && givenCode(err) != 0:
		return givenCode(err)
	case given != 0:
		return given
	case unstopped > 0, isEscalation(err):
		return 1
	case errors.As(err, &exit) && exit.Code == 0:
		return 0
	case errors.Is(err, tend.ErrTerminateTree):
		return 1
	case err == nil, asked, errors.Is(err, tend.ErrDoNotRestart):
		return 0
	default:
		return 1
	}
}

// isEnd: err says that ctx has ended. That asks err what it is.
func isEnd(ctx context.Context, err error) bool {
	return ctx.Err() != nil && errors.Is(err, ctx.Err())
}

// blame is why the exit code is not 0 where that is not the error with which the tree
// ended: what a service gave with a code on the way down, or which did not stop.
func blame(err error, unstopped []tend.ServiceStuck, given string) string {
	switch {
	case !isEscalation(err) && givenCode(err) != 0:
		return ""
	case given != "":
		return given
	case len(unstopped) > 0 && !isEscalation(err):
		return said.Times(len(unstopped), "service") + " did not stop: " + pathsOf(unstopped)
	}
	return ""
}

// pathsOf names some of those that did not stop.
func pathsOf(unstopped []tend.ServiceStuck) string {
	var named []string
	for _, u := range unstopped[:min(len(unstopped), maxNamed)] {
		named = append(named, u.Path())
	}
	if more := len(unstopped) - maxNamed; more > 0 {
		named = append(named, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(named, "; ")
}

// givenCode is the exit code of an error of Exit that is one and no success, else 0.
func givenCode(err error) int {
	var exit *ExitError
	if errors.As(err, &exit) && 0 < exit.Code && exit.Code <= 255 {
		return exit.Code
	}
	return 0
}

func isEscalation(err error) bool {
	var escalation *tend.TooManyFailures
	return errors.As(err, &escalation)
}
