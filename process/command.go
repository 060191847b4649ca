package process

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tend-go/tend"
)

// The defaults of a [Command], and where they come from.
const (
	// DefaultStopTimeout is pebble's kill-delay. With [DefaultDrainTimeout] it
	// fits into the 10 s that a [tend.Supervisor] gives a service by default.
	DefaultStopTimeout = 5 * time.Second
	// DefaultDrainTimeout bounds the wait for output after the exit.
	DefaultDrainTimeout = 2 * time.Second
	// DefaultStartTimeout is systemd's TimeoutStartSec.
	DefaultStartTimeout = 90 * time.Second
	// DefaultMaxLine is the longest line delivered in one piece, in bytes.
	DefaultMaxLine = 64 << 10
	// DefaultOutputLimit is how much output Run keeps, in bytes.
	DefaultOutputLimit = 1 << 20
)

// ErrRunning is what Serve returns while another Serve of the same [Command]
// has not returned.
var ErrRunning = errors.New("tend/process: the command is being served already")

// Command is a process of the operating system run as a [tend.Service]: in a
// process group of its own, which is stopped as a whole. The zero value of
// every field but Path is ready to use.
//
// The fields belong to the caller until the first Serve or Run and must not be
// changed after that. A Command must not be copied after first use.
type Command struct {
	// Name is how errors, log records and the tree call it. Default: the last
	// element of Path.
	Name string

	// Path is the program. Without a separator it is looked up in the PATH of the
	// calling program, not in that of Env; a relative path with one is relative to Dir.
	Path string
	// Args are the arguments without the program's name.
	Args []string
	// Dir is the working directory. Default: that of the calling program.
	Dir string
	// Env is the whole environment, "key=value" each; of several values for a key
	// the last counts. Nil: [Environ].
	Env []string

	// Setup makes last changes before each start: credentials, ExtraFiles, a
	// pipe to standard input, a cgroup. A start that finds the program file open for
	// writing (ETXTBSY) is tried again, Setup and all, for about 100 ms. Setup may replace Stdout and Stderr; that
	// output is then not seen here, and a writer that blocks holds Serve up. A Stdin
	// that is no file is read in a goroutine of its own; a Read that has not returned
	// DrainTimeout after the exit is left alone, and what it reads then is lost. An
	// error is the failure of this start.
	Setup func(cmd *exec.Cmd) error
	// Started is called once each start was tried; cmd.Process is nil if it
	// failed. It is the place to close the files in cmd.ExtraFiles that only the
	// child needs. It must return promptly.
	Started func(cmd *exec.Cmd)

	// StopSignal asks the group to stop. Default: SIGTERM. SIGCONT follows,
	// because a stopped process does not see it otherwise.
	StopSignal Signal
	// StopLeader sends StopSignal, and the SIGABRT of a Watchdog, to the process
	// alone and not to its group: for a process that stops its workers itself, one
	// after the other. What is left of the group when it has exited, or after
	// StopTimeout, gets SIGKILL.
	StopLeader bool
	// StopTimeout is how long the group, all of it, may take to stop before it gets
	// SIGKILL. Default: [DefaultStopTimeout]. It needs a [tend.Child] with a Timeout
	// longer than StopTimeout and DrainTimeout together, as [Command.Child] makes; if less
	// is left, of that or of the stop of the tree, the group is killed sooner, whatever
	// time it asks for (EXTEND_TIMEOUT_USEC).
	StopTimeout time.Duration
	// Orphans says what becomes of the rest of the group once the process itself
	// has exited. Default: [KillOrphans].
	Orphans Orphans
	// DrainTimeout is how long output may stay open after the exit because
	// something else holds it, or less if a stop is known by then to be over sooner;
	// what comes later is lost. Default: [DefaultDrainTimeout].
	DrainTimeout time.Duration
	// SuccessExit lists exit codes that are as good as 0.
	SuccessExit []int
	// DieWithParent makes the kernel kill the process (not its group) when the
	// calling program dies, however that happens. Linux only; an error
	// elsewhere. It costs one thread per running process, and a process that
	// changes its credentials or executes a setuid program loses it.
	DieWithParent bool

	// Ready says how the process tells that it is up. Nil: it is up once it was
	// started. It must be nil with [KeepOnSuccess].
	Ready Readiness
	// StartTimeout is how long that may take; then the process is stopped, and
	// the failure is [tend.ErrNotReady]. Default: [DefaultStartTimeout].
	StartTimeout time.Duration
	// Watchdog, if positive, is how often at least the process must send
	// WATCHDOG=1 to its notify socket once it is up. Silence for that long is a
	// failure ([tend.ErrUnresponsive]): the group gets SIGABRT, so that it can
	// leave a core or its stacks, and SIGKILL after StopTimeout. The process
	// finds the time in WATCHDOG_USEC; pinging at half of it is usual. What waits in the
	// socket is read before the process is found silent, and a calling program that was
	// itself frozen for a quarter of that time (a paused container, a suspended
	// machine) gives the process as much again, as it does with StartTimeout. A stop is
	// not prolonged so: those who wait for it do not wait longer either.
	Watchdog time.Duration

	// Output gets every line, one call at a time; it may be called until Serve
	// has returned. As long as it does not return, the process is blocked as
	// soon as its pipe is full, and Serve does not return. Nil: one record per
	// line on Logger, at level info.
	Output func(Line)
	// Logger gets the lines if Output is nil, and in any case a warning about a signal
	// that the system refuses to send. Default: [slog.Default].
	Logger *slog.Logger
	// MaxLine is how many bytes of a line are delivered at once; a longer one
	// comes in parts. Default: [DefaultMaxLine].
	MaxLine int

	mu      sync.Mutex
	serving bool
	current *run // of Serve; nil while it is not being served
}

// Orphans says what becomes of the rest of a process group when its leader, the
// process that was started, has exited.
type Orphans uint8

const (
	// KillOrphans: the leader speaks for its group. When it has exited the rest
	// gets SIGKILL; at once if it ended by itself or was asked to stop alone
	// (StopLeader), and what is left of StopTimeout later if all were asked.
	KillOrphans Orphans = iota
	// KeepOnSuccess is for launchers of daemons: after a success that nobody
	// asked for, the rest of the group is left alone. A daemon that keeps the
	// output of its launcher open makes the drain last DrainTimeout and gets
	// SIGPIPE later; it should have output of its own.
	KeepOnSuccess
)

// String returns "kill orphans" or "keep on success".
func (o Orphans) String() string {
	switch o {
	case KillOrphans:
		return "kill orphans"
	case KeepOnSuccess:
		return "keep on success"
	default:
		return fmt.Sprintf("Orphans(%d)", uint8(o))
	}
}

// String returns the name.
func (c *Command) String() string {
	if c.Name == "" && c.Path != "" {
		return filepath.Base(c.Path)
	}
	return c.Name
}

// Child is c with the settings of a [tend.Child] that fit it: a Timeout that
// leaves time for SIGKILL and the last output, and, if Ready is set, state
// starting until it is ready. Put it into another Child to add more:
//
//	tend.Child{Service: c.Child(), Limit: tend.Limit{N: 3, Within: time.Hour}}
func (c *Command) Child() tend.Child {
	child := tend.Child{Service: c, Name: c.String(), Timeout: c.stopTime()}
	if c.Ready != nil {
		// StartTimeout is kept here, where EXTEND_TIMEOUT_USEC can prolong it.
		child.ReadyTimeout = 365 * 24 * time.Hour
	}
	return child
}

// killTime is what the kernel gets to bring down a killed group.
const killTime = time.Second

// stopTime is how long Serve may take to return, with killTime. It saturates.
func (c *Command) stopTime() time.Duration {
	sum := killTime
	for _, d := range []time.Duration{c.stopTimeout(), c.drainTimeout()} {
		if d > math.MaxInt64-sum {
			return math.MaxInt64
		}
		sum += max(d, 0)
	}
	return sum
}

// stopTimeoutWithin is the StopTimeout of a stop for which so long is left. If that is
// less than it takes, the group is killed sooner, so that the service has ended in time
// and is not reported as stuck.
func (c *Command) stopTimeoutWithin(left time.Duration) time.Duration {
	return min(c.stopTimeout(), c.killWithin(left))
}

// killWithin is when the group is killed at the latest, if so long is left.
func (c *Command) killWithin(left time.Duration) time.Duration {
	half := left / 2
	rest := min(min(max(c.drainTimeout(), 0), half)+killTime, half) // a drain may be without an end
	return max(0, left-rest)
}

// drainWithin is how long output may stay open after the exit, if so long is left of the
// stop. What is in the pipes already is read in any case.
func (c *Command) drainWithin(left time.Duration) time.Duration {
	const moment = 10 * time.Millisecond
	return min(c.drainTimeout(), max(moment, left-min(killTime, left/2)))
}

// Validate returns an error that names the first setting that makes no sense, or
// the program or directory that is not there now. Serve and Run check the
// settings too; whether the program is there they find out by starting it.
func (c *Command) Validate() error {
	if err := c.check(); err != nil {
		return err
	}
	if err := c.lookup(); err != nil {
		return fmt.Errorf("tend/process: %s: %w", c, err)
	}
	return nil
}

// check is Validate without a look at the file system.
func (c *Command) check() error {
	if !canRun {
		return fmt.Errorf("tend/process: Command %q: processes cannot be run on %s: %w", c.String(), runtime.GOOS, errors.ErrUnsupported)
	}
	if err := c.validateSettings(); err != nil {
		return fmt.Errorf("tend/process: Command %q: %w", c.String(), err)
	}
	return nil
}

func (c *Command) validateSettings() error {
	if c.Path == "" {
		return errors.New("Path is empty")
	}
	for _, d := range []struct {
		field string
		value time.Duration
	}{
		{"StopTimeout", c.StopTimeout},
		{"DrainTimeout", c.DrainTimeout},
		{"StartTimeout", c.StartTimeout},
		{"Watchdog", c.Watchdog},
	} {
		if d.value < 0 {
			return fmt.Errorf("%s is %v", d.field, d.value)
		}
	}
	for _, code := range c.SuccessExit {
		if code < 0 {
			return fmt.Errorf("SuccessExit holds %d", code)
		}
	}
	switch {
	case c.Watchdog > 0 && c.Watchdog < time.Microsecond:
		return fmt.Errorf("Watchdog is %v, less than a microsecond", c.Watchdog)
	case c.MaxLine < 0:
		return fmt.Errorf("MaxLine is %d", c.MaxLine)
	case c.Orphans > KeepOnSuccess:
		return fmt.Errorf("Orphans is %v", c.Orphans)
	case c.Orphans == KeepOnSuccess && c.Ready != nil:
		return errors.New("Ready is set, but with KeepOnSuccess a command is done when it has exited")
	case c.StopSignal < 0 || c.StopSignal > maxSignal:
		return fmt.Errorf("StopSignal is %d", int(c.StopSignal))
	case c.DieWithParent && !canDieWithParent:
		return fmt.Errorf("DieWithParent is not possible on %s", runtime.GOOS)
	case c.Watchdog > 0 && !canNotify:
		return fmt.Errorf("Watchdog needs a notify socket, which is not possible on %s", runtime.GOOS)
	}
	if c.Ready != nil {
		return c.Ready.validate()
	}
	return nil
}

// lookup makes sure that the directory and the program are there, as seen by the
// calling program.
func (c *Command) lookup() error {
	if c.Dir != "" {
		switch info, err := os.Stat(c.Dir); {
		case err != nil:
			return fmt.Errorf("Dir: %w", err)
		case !info.IsDir():
			return fmt.Errorf("Dir %q is not a directory", c.Dir)
		}
	}
	path := c.Path
	if filepath.Base(path) != path {
		if c.Dir != "" && !filepath.IsAbs(path) {
			path = c.Dir + string(filepath.Separator) + path // Join would make a bare name of ./x
		}
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			return fmt.Errorf("Path %q is a directory", c.Path)
		}
	}
	if _, err := exec.LookPath(path); err != nil {
		return fmt.Errorf("Path: %w", err)
	}
	return nil
}

// Serve runs the process once. It returns when the process has exited, its
// group is dealt with and its output is delivered; if the process cannot be
// killed (it hangs in the kernel) that may be never, because a second copy must
// not be started beside it. It returns
//
//   - nil: it exited by its own will, successfully, and had been ready;
//   - an [*ExitError]: it failed; if it was being stopped the error also is what
//     it was stopped for ([tend.ErrNotReady], [tend.ErrUnresponsive], ctx.Err());
//   - an error that is both ctx.Err() and ctx's cause: it was stopped as asked, and
//     exited successfully, by StopSignal or with 128 plus the number of that;
//   - any other error: it could not be started.
//
// In a supervisor it calls [tend.Ready], annotates the service with "pid" and
// "status" and calls [tend.Alive] for each WATCHDOG=1. If a stop cannot be carried out
// because the process belongs to another user by now (sudo), "signal" says so, and a
// warning on Logger; Serve goes on until it ends.
func (c *Command) Serve(ctx context.Context) error {
	if err := c.check(); err != nil {
		return err
	}
	if !c.begin() {
		return fmt.Errorf("%w: %s", ErrRunning, c)
	}
	defer c.end()
	return serve(ctx, func() *run {
		r := newRun(c, newDelivery(c.deliver(ctx), c.maxLine()))
		c.setCurrent(r)
		return r
	})
}

// Run runs the process once, as Serve does, for what it writes to standard
// output: it returns the last limit bytes of that, also with an error. Limit 0
// is [DefaultOutputLimit]. If there was more, and nothing else is wrong, the
// error is [ErrOutputLimit]. Standard error is found in the Tail of an
// [*ExitError].
//
// Ready, Watchdog and Output have no meaning for Run, and Logger gets no lines.
// Run says nothing of the service that calls it, which is ready when it says so itself.
// Any number of Runs may be under way at once.
func (c *Command) Run(ctx context.Context, limit int) ([]byte, error) {
	if limit < 0 {
		return nil, fmt.Errorf("tend/process: Command %q: the output limit is %d", c.String(), limit)
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	if limit == 0 {
		limit = DefaultOutputLimit
	}
	stdout := &tail{max: limit}
	err := serve(ctx, func() *run {
		r := newRun(c, &capture{stdout: stdout})
		r.readiness, r.life.watchdog, r.mute = nil, 0, true
		return r
	})
	if err == nil && stdout.cut() {
		err = fmt.Errorf("tend/process: %s: %w of %d bytes", c, ErrOutputLimit, limit)
	}
	return stdout.bytes(), err
}

// ErrOutputLimit is what Run returns when a command succeeded but wrote more
// than was asked for.
var ErrOutputLimit = errors.New("output is longer than the limit")

// Check makes a health check of a program: it is healthy if it exits with 0.
// When ctx ends first, its group gets SIGKILL at once and the check returns as
// soon as it is gone, so that there are never two. The error holds the exit
// code and the last line of what it wrote.
func Check(path string, args ...string) func(ctx context.Context) error {
	c := &Command{Path: path, Args: args, StopSignal: sigKill, DrainTimeout: 100 * time.Millisecond}
	return func(ctx context.Context) error {
		_, err := c.Run(ctx, 4096)
		if errors.Is(err, ErrOutputLimit) {
			return nil
		}
		return err
	}
}

// Pid is the id of the process that Serve runs now, 0 if there is none. It may be
// called at any time by any goroutine.
func (c *Command) Pid() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current == nil {
		return 0
	}
	return c.current.runningPid()
}

// Signal sends sig to the group of the process that Serve runs now. The error is
// [os.ErrProcessDone] if there is none. It is never sent to a stranger that got
// the same process id later. It may be called at any time by any goroutine.
func (c *Command) Signal(sig Signal) error { return c.send(signalGroup, sig) }

// SignalLeader is Signal for the process alone, without its group: for a signal that
// only it knows, such as a SIGHUP that means "reload", which by default ends a worker.
func (c *Command) SignalLeader(sig Signal) error { return c.send(signalLeader, sig) }

func (c *Command) send(by func(*os.Process, Signal) error, sig Signal) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current == nil {
		return os.ErrProcessDone
	}
	return c.current.signal(by, sig)
}

func (c *Command) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.serving {
		return false
	}
	c.serving = true
	return true
}

func (c *Command) setCurrent(r *run) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current = r
}

func (c *Command) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.serving, c.current = false, nil
}

// Environ is the environment of the calling program less what systemd put there
// for that program alone: NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID, LISTEN_FDS,
// LISTEN_PID and LISTEN_FDNAMES. A child that has them speaks to systemd in the
// name of its parent.
func Environ() []string {
	return slices.DeleteFunc(os.Environ(), func(kv string) bool {
		key, _, _ := strings.Cut(kv, "=")
		switch key {
		case "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES":
			return true
		}
		return false
	})
}

// environ is the environment of the child before Setup.
func (c *Command) environ() []string {
	if c.Env != nil {
		return slices.Clone(c.Env)
	}
	env := Environ()
	if dir, err := filepath.Abs(c.Dir); err == nil && c.Dir != "" {
		env = append(env, "PWD="+dir) // as os/exec does
	}
	return env
}

// deliver is what is done with each line.
func (c *Command) deliver(ctx context.Context) func(Line) {
	if c.Output != nil {
		return c.Output
	}
	log, name := c.logger(), c.String()
	return func(l Line) {
		log.LogAttrs(ctx, slog.LevelInfo, l.Text,
			slog.String("process", name), slog.Int("pid", l.Pid), slog.String("stream", l.Stream.String()))
	}
}

func (c *Command) logger() *slog.Logger {
	if c.Logger != nil {
		return c.Logger
	}
	return slog.Default()
}

func (c *Command) stopSignal() Signal          { return cmp.Or(c.StopSignal, sigTerm) }
func (c *Command) stopTimeout() time.Duration  { return cmp.Or(c.StopTimeout, DefaultStopTimeout) }
func (c *Command) drainTimeout() time.Duration { return cmp.Or(c.DrainTimeout, DefaultDrainTimeout) }

func (c *Command) startTimeout() time.Duration { return cmp.Or(c.StartTimeout, DefaultStartTimeout) }
func (c *Command) maxLine() int                { return cmp.Or(c.MaxLine, DefaultMaxLine) }

// success says whether exiting with code counts as success.
func (c *Command) success(code int) bool { return code == 0 || slices.Contains(c.SuccessExit, code) }
