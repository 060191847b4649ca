package process

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"regexp"
	"time"
)

// Readiness says how a process tells that it is up. It is made by one of the
// Ready functions of this package, and may be shared by any number of Commands.
type Readiness interface {
	validate() error
	// arm is called after Setup and before the start, begin after the start.
	arm(r *run) error
	begin(ctx context.Context, r *run)
}

// ReadyAfter: the process is up when it has run for d. It is the weakest form;
// supervisord calls it startsecs (1 s), pebble the okay delay (1 s).
func ReadyAfter(d time.Duration) Readiness { return readyAfter(d) }

type readyAfter time.Duration

func (d readyAfter) validate() error {
	if d <= 0 {
		return fmt.Errorf("ReadyAfter is %v", time.Duration(d))
	}
	return nil
}

func (d readyAfter) arm(*run) error { return nil }

func (d readyAfter) begin(_ context.Context, r *run) {
	t := time.AfterFunc(time.Duration(d), r.foundUp)
	r.closers = append(r.closers, func() { t.Stop() })
}

// ReadyLine: the process is up when it has written a line that matches re to
// either stream. The line is delivered like any other. A prompt, the beginning of a
// line after which nothing comes for 100 ms, is looked at as well. Of a line longer
// than MaxLine each part is looked at by itself. Output that Setup redirected is not
// seen.
func ReadyLine(re *regexp.Regexp) Readiness { return readyLine{re} }

type readyLine struct{ re *regexp.Regexp }

func (l readyLine) validate() error {
	if l.re == nil {
		return errors.New("the regular expression of ReadyLine is nil")
	}
	return nil
}

func (l readyLine) arm(r *run) error {
	r.onPrompt = func(text string) {
		if l.re.MatchString(text) {
			r.becameReady()
		}
	}
	r.onLine = func(line Line) { r.onPrompt(line.Text) }
	return nil
}

func (readyLine) begin(context.Context, *run) {}

// ReadyNotify: the process is up when it sends READY=1 to the socket in
// NOTIFY_SOCKET, as it would under systemd with Type=notify. Linux only. The
// socket is an abstract one: a process in another network namespace cannot reach
// it. Messages count only from the user of the calling program, of the process
// or from root. What is understood besides READY: STATUS, WATCHDOG,
// WATCHDOG_USEC (if [Command].Watchdog is set), EXTEND_TIMEOUT_USEC; descriptors
// that come along are closed.
func ReadyNotify() Readiness { return readyNotify{} }

type readyNotify struct{}

func (readyNotify) validate() error {
	if !canNotify {
		return errors.New("ReadyNotify needs Linux")
	}
	return nil
}

func (readyNotify) arm(r *run) error {
	r.notify = true
	return nil
}

func (readyNotify) begin(context.Context, *run) {}

// ReadyFD: the process is up when it writes a newline to a descriptor that it
// inherits, as with s6. Its number is in the environment variable env; it is 3
// plus the number of files that Setup put into ExtraFiles.
func ReadyFD(env string) Readiness { return readyFD(env) }

type readyFD string

func (env readyFD) validate() error {
	switch {
	case env == "":
		return errors.New("the variable of ReadyFD has no name")
	case !canInherit:
		return errors.New("ReadyFD is not possible on Windows")
	}
	return nil
}

func (env readyFD) arm(r *run) error {
	in, out, err := os.Pipe()
	if err != nil {
		return err
	}
	r.cmd.ExtraFiles = append(r.cmd.ExtraFiles, out)
	r.ownFiles++
	r.setenv(string(env), fmt.Sprint(2+len(r.cmd.ExtraFiles)))
	end := []byte(rand.Text())
	r.closers = append(r.closers, func() {
		// The write end stays open here: a word of ours, which nobody else knows, behind all that
		// the process wrote, ends the reading, whoever else still holds the pipe.
		_, _ = out.Write(end)
		_ = out.Close()
	})
	r.helper("ReadyFD", func() {
		defer in.Close()
		var last []byte
		buf := make([]byte, 256)
		for {
			n, err := in.Read(buf)
			if bytes.IndexByte(buf[:n], '\n') >= 0 {
				r.becameReady()
			}
			last = append(last[max(0, len(last)-len(end)):], buf[:n]...)
			if err != nil || bytes.Contains(last, end) {
				return
			}
		}
	})
	return nil
}

func (readyFD) begin(context.Context, *run) {}

// ReadyCheck: the process is up once check returns nil. Check is called at once
// and then again a time of every after each failure (0: 200 ms), one call at a
// time, until it succeeds or the process is being stopped or has exited. Its context
// ends then, whatever the process is stopped for, and it must return soon after. The
// last error is part of the failure if the process is not ready in time. Any check of
// a health probe will do.
func ReadyCheck(every time.Duration, check func(ctx context.Context) error) Readiness {
	return readyCheck{cmp.Or(every, 200*time.Millisecond), check}
}

type readyCheck struct {
	every time.Duration
	check func(ctx context.Context) error
}

func (c readyCheck) validate() error {
	switch {
	case c.check == nil:
		return errors.New("the function of ReadyCheck is nil")
	case c.every < 0:
		return fmt.Errorf("the interval of ReadyCheck is %v", c.every)
	}
	return nil
}

func (readyCheck) arm(*run) error { return nil }

func (c readyCheck) begin(ctx context.Context, r *run) {
	ctx, r.endCheck = context.WithCancel(ctx)
	r.helper("the check of ReadyCheck", func() {
		for ctx.Err() == nil {
			err := c.check(ctx)
			if err == nil {
				r.foundUp()
				return
			}
			r.setLastCheck(err)
			select {
			case <-ctx.Done():
			case <-time.After(c.every):
			}
		}
	})
}
