//go:build linux

package process_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend/process"
)

func TestAGrandchildThatKeepsStdoutOpenIsEnded(t *testing.T) {
	c := command("parent", "0", "same group", "wait")
	gone := witness(t, c)
	if err := c.Serve(t.Context()); err != nil {
		t.Error(err)
	}
	gone()
}

func TestAStopReachesTheWholeGroup(t *testing.T) {
	c := command("parent", "-1", "same group", "deaf")
	gone, await := witness(t, c), record(t, c)
	c.StopTimeout = 50 * time.Millisecond
	stop, _ := background(t, c)
	await("up")
	if err := stop(); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	gone()
}

// A session that Setup asks for is a group too.
func TestAStopReachesTheWholeSession(t *testing.T) {
	c := command("parent", "-1", "same group", "wait")
	gone, await := witness(t, c), record(t, c)
	setup := c.Setup
	c.Setup = func(cmd *exec.Cmd) error {
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		return setup(cmd)
	}
	stop, _ := background(t, c)
	await("up")
	var exit *process.ExitError
	if err := stop(); !errors.Is(err, context.Canceled) || errors.As(err, &exit) {
		t.Error(err)
	}
	gone()
}

// It keeps the output open; Serve returns while it still runs.
func TestAGrandchildThatHasLeftTheGroupHoldsNobodyUp(t *testing.T) {
	c := command("parent", "0", "setsid", "wait")
	await := record(t, c)
	c.DrainTimeout = 50 * time.Millisecond
	if err := c.Serve(t.Context()); err != nil {
		t.Error(err)
	}
	killEscaped(t, await("grandchild"))
}

// killEscaped ends the process of a line "grandchild pid"; it must be alive.
func killEscaped(t *testing.T, line string) {
	t.Helper()
	pid, err := strconv.Atoi(strings.TrimPrefix(line, "grandchild "))
	if err == nil {
		err = syscall.Kill(pid, syscall.SIGKILL)
	}
	if err != nil {
		t.Errorf("%q: %v", line, err)
	}
}

// The leader of the group exits before the others.
func TestOrphansAreKeptOnlyOnRequest(t *testing.T) {
	for _, test := range []struct {
		code    string
		orphans process.Orphans
		kept    bool
		want    string
	}{
		{"0", process.KillOrphans, false, "<nil>"},
		{"7", process.KillOrphans, false, "tend/process: parent: exit status 7"},
		{"0", process.KeepOnSuccess, true, "<nil>"},
		{"3", process.KeepOnSuccess, true, "<nil>"},
		{"7", process.KeepOnSuccess, false, "tend/process: parent: exit status 7"},
	} {
		t.Run(fmt.Sprint(test.orphans, " ", test.code), func(t *testing.T) {
			c := command("parent", test.code, "same group", "wait")
			gone, await := witness(t, c), record(t, c)
			c.Orphans, c.SuccessExit, c.DrainTimeout = test.orphans, []int{3}, 50*time.Millisecond
			if got := fmt.Sprint(c.Serve(t.Context())); !strings.HasPrefix(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if test.kept {
				killEscaped(t, await("grandchild"))
			}
			gone()
		})
	}
}

// A stop ends the group also of a launcher, which would keep it after a success. That
// it took force is told, although the launcher itself ended well.
func TestALauncherThatIsStoppedKeepsNothing(t *testing.T) {
	c := command("parent", "polite", "same group", "deaf")
	gone, await := witness(t, c), record(t, c)
	c.Orphans, c.StopTimeout = process.KeepOnSuccess, 50*time.Millisecond
	stop, _ := background(t, c)
	await("up")
	err := stop()
	var exit *process.ExitError
	if !errors.Is(err, context.Canceled) || !errors.As(err, &exit) || !exit.Forced || exit.Signal != 0 || exit.Code != 0 {
		t.Error(err)
	}
	if !strings.Contains(fmt.Sprint(err), "exit status 0, but others of its group were killed because they did not stop within ") {
		t.Error(err)
	}
	gone()
}

// The leader ends at once, its worker still has work to save when Serve knows that.
func TestAWorkerHasTimeToStopAfterItsLeader(t *testing.T) {
	for _, leader := range []string{"polite", "-1"} { // exits; dies of SIGTERM
		c := command("parent", leader, "same group", "saver")
		await := record(t, c)
		c.StopTimeout = time.Minute
		trigger, hold, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		c.Setup = func(cmd *exec.Cmd) error { cmd.ExtraFiles = []*os.File{trigger}; return nil }
		c.Started = func(*exec.Cmd) { trigger.Close() }
		stop, _ := background(t, c)
		await("saver up")
		ended := make(chan error, 1)
		go func() { ended <- stop() }()
		for !waitsForTheRest() { // Serve knows that the leader has exited
			if c.Pid() == 0 {
				t.Fatal("the worker was killed")
			}
			runtime.Gosched()
		}
		hold.Close()
		await("saved")
		var exit *process.ExitError
		if err := <-ended; !errors.Is(err, context.Canceled) || errors.As(err, &exit) {
			t.Error(err)
		}
	}
}

// Who is left of the group cannot be seen: somebody may be.
func TestAWorkerHasTimeToStopWhileNoFileCanBeOpened(t *testing.T) {
	c := command("crowded")
	await := record(t, c)
	if err := c.Serve(t.Context()); err != nil {
		t.Fatal(err)
	}
	await("saver up")
	if got := await("s"); got != "saved" {
		t.Fatalf("the worker was cut short: %s", got)
	}
	if got := await("served: "); got != "served: tend/process: parent: context canceled" {
		t.Error(got)
	}
}

func waitsForTheRest() bool {
	buf := make([]byte, 1<<16)
	return strings.Contains(string(buf[:runtime.Stack(buf, true)]), "process.awaitRest(")
}

// Who stops its workers itself must be able to: they get no signal meanwhile.
func TestStopLeaderLeavesItsWorkersToIt(t *testing.T) {
	c := command("reloader")
	await := record(t, c)
	c.StopLeader, c.StopTimeout = true, time.Minute
	stop, _ := background(t, c)
	await("up")
	var exit *process.ExitError
	if err := stop(); !errors.Is(err, context.Canceled) || errors.As(err, &exit) {
		t.Error(err)
	}
	if got := await("worker: "); got != "worker: <nil>" {
		t.Error(got)
	}
}

// What the leader leaves behind was not asked, and goes with it.
func TestStopLeaderKillsWhatItLeaves(t *testing.T) {
	c := command("parent", "polite", "same group", "wait")
	gone, await := witness(t, c), record(t, c)
	c.StopLeader, c.StopTimeout = true, time.Hour
	stop, _ := background(t, c)
	await("up")
	var exit *process.ExitError
	if err := stop(); !errors.Is(err, context.Canceled) || errors.As(err, &exit) {
		t.Error(err)
	}
	gone()
}

// A reload by signal reaches the leader and leaves its worker alive.
func TestSignalLeader(t *testing.T) {
	c := command("reloader")
	await := record(t, c)
	c.StopLeader = true
	if err := c.SignalLeader(syscall.SIGHUP); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("without a process: %v", err)
	}
	stop, _ := background(t, c)
	await("up")
	if err := c.SignalLeader(syscall.SIGHUP); err != nil {
		t.Error(err)
	}
	await("reloaded")
	_ = stop()
	if got := await("worker: "); got != "worker: <nil>" {
		t.Error(got)
	}
}

// Once the process is reaped its number may be anybody's: nothing is sent to it,
// although Serve still waits for the output that an escaped grandchild holds. What
// that writes after the exit is delivered.
func TestNoSignalIsSentAfterReaping(t *testing.T) {
	c := command("parent", "0", "setsid", "orphan", "late")
	gone, await := witness(t, c), record(t, c)
	c.DrainTimeout = time.Minute
	trigger, hold, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	setup, started := c.Setup, c.Started
	c.Setup = func(cmd *exec.Cmd) error { cmd.ExtraFiles = []*os.File{trigger}; return setup(cmd) }
	c.Started = func(cmd *exec.Cmd) { trigger.Close(); started(cmd) }
	_, done := background(t, c)
	await("grandchild")
	for c.Pid() != 0 {
		runtime.Gosched()
	}
	if err := c.Signal(0); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("Signal: %v", err)
	}
	hold.Close()
	await("late")
	if err := <-done; err != nil {
		t.Error(err)
	}
	gone()
}

func TestAStopThatIsIgnoredIsForced(t *testing.T) {
	c := command("deaf")
	await := record(t, c)
	c.StopTimeout = 50 * time.Millisecond
	stop, _ := background(t, c)
	await("up")
	err := stop()
	var exit *process.ExitError
	if !errors.As(err, &exit) || !exit.Forced || exit.Signal != syscall.SIGKILL || !errors.Is(err, context.Canceled) {
		t.Fatalf("got %#v", err)
	}
	if !strings.Contains(err.Error(), "context canceled: signal: killed because it did not stop within ") {
		t.Error(err)
	}
}

// A child that has become another user's, as under sudo, cannot be stopped. That is
// told in the log, in the tree and in the end.
func TestASignalThatIsRefusedIsTold(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can make a setuid program of root's")
	}
	plain, setuid := program(t)
	c := command("powerless", setuid)
	c.Path = plain
	c.Setup = func(cmd *exec.Cmd) error {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 12345, Gid: 12345}}
		return nil
	}
	await := record(t, c)
	_, done := background(t, c)
	for _, want := range []string{"error=\"terminated: kill: operation not permitted\"", "error=\"killed: kill: operation not permitted\""} {
		if line := await("time="); !strings.Contains(line, "level=WARN") || !strings.Contains(line, want) {
			t.Errorf("the log says %q", line)
		}
	}
	if line := await("tree: "); !strings.Contains(line, "killed: kill: operation not permitted") {
		t.Errorf("the tree says %q", line)
	}
	killEscaped(t, strings.Replace(await("pid "), "pid", "grandchild", 1))
	if line := await("ended: "); !strings.Contains(line, "and could not be killed: killed: kill: operation not permitted") {
		t.Errorf("the end says %q", line)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// program makes two copies of the test binary that anybody can run, the second one
// as root.
func program(t *testing.T) (plain, setuid string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	binary, err := os.ReadFile(self(t))
	if err != nil {
		t.Fatal(err)
	}
	plain, setuid = filepath.Join(dir, "plain"), filepath.Join(dir, "setuid")
	for name, mode := range map[string]os.FileMode{plain: 0o755, setuid: 0o755 | os.ModeSetuid} {
		if err := errors.Join(os.WriteFile(name, binary, 0o700), os.Chmod(name, mode)); err != nil {
			t.Fatal(err)
		}
	}
	return plain, setuid
}

func TestAStopEndsAProcessThatIsSuspended(t *testing.T) {
	c := command("wait")
	await := record(t, c)
	c.StopTimeout = time.Minute
	stop, _ := background(t, c)
	await("up")
	if err := c.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for state(t, c.Pid()) != "T" {
		runtime.Gosched()
	}
	var exit *process.ExitError
	if err := stop(); !errors.Is(err, context.Canceled) || errors.As(err, &exit) {
		t.Error(err)
	}
}

// state is the letter that /proc has for what a process does.
func state(t *testing.T, pid int) string {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))[0]
}

func TestLongLinesComeInPartsAndTheLastNeedsNoEnd(t *testing.T) {
	long := strings.Repeat("é", 50_000)
	c := command("print", long+"\nlast", "error")
	type line struct {
		Stream  process.Stream
		Len     int
		Partial bool
	}
	var got []line
	c.Output = func(l process.Line) {
		if l.Stream == process.Stderr {
			return
		}
		got = append(got, line{l.Stream, len(l.Text), l.Partial})
	}
	if err := c.Serve(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []line{{0, 65536, true}, {0, 100_000 - 65536, false}, {0, 4, false}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestNoOutputIsLost(t *testing.T) {
	want := numbers()
	for range 50 {
		c := command("numbers")
		var got strings.Builder
		c.Output = func(l process.Line) { fmt.Fprintln(&got, l.Text) }
		if err := c.Serve(t.Context()); err != nil || got.String() != want {
			t.Fatalf("%v, %d of %d bytes", err, got.Len(), len(want))
		}
	}
}

func TestDieWithParentMeansTheProgramAndNoThread(t *testing.T) {
	c := command("wait")
	await := record(t, c)
	c.DieWithParent = true
	stop, _ := background(t, c)
	await("up")
	var threads sync.WaitGroup
	for range 200 {
		threads.Go(func() { runtime.LockOSThread() }) // the thread ends with the goroutine
	}
	threads.Wait()
	var exit *process.ExitError
	if err := stop(); errors.As(err, &exit) {
		t.Errorf("killed with a thread: %v", err)
	}
}

func TestNothingGrowsWithTheNumberOfRuns(t *testing.T) {
	c := command("exit", "0")
	missing := command("exit")
	missing.Path = filepath.Join(t.TempDir(), "missing")
	missing.Ready = process.ReadyNotify()
	missing.Setup = func(cmd *exec.Cmd) error {
		r, w, err := os.Pipe()
		cmd.ExtraFiles = []*os.File{r, w}
		_, errIn := cmd.StdinPipe()
		return errors.Join(err, errIn)
	}
	missing.Started = func(cmd *exec.Cmd) {
		for _, f := range cmd.ExtraFiles {
			f.Close()
		}
	}
	refused := command("exit", "0")
	refused.Ready = process.ReadyFD("READY_FD")
	refused.Setup = func(cmd *exec.Cmd) error { _, err := cmd.StdinPipe(); return errors.Join(err, errors.New("refused")) }
	round := func() {
		if err := c.Serve(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := missing.Serve(t.Context()); !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if err := refused.Serve(t.Context()); err == nil || err.Error() != "tend/process: exit: Setup: refused" {
			t.Fatal(err)
		}
	}
	round()
	before := openFiles()
	for range 100 {
		round()
	}
	if diff := cmp.Diff(before, openFiles()); diff != "" {
		t.Errorf("descriptors (-before +after)\n%s", diff)
	}
	if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); !errors.Is(err, syscall.ECHILD) {
		t.Errorf("a child is left: %d, %v", pid, err)
	}
	// goroutines: cleanRun
}

func TestTheErrorSaysHowItEnded(t *testing.T) {
	for name, test := range map[string]struct {
		c    *process.Command
		set  func(c *process.Command)
		want process.ExitError
		text string
	}{
		"code":             {c: command("exit", "5"), want: process.ExitError{Name: "exit", Code: 5, Ready: true}, text: "tend/process: exit: exit status 5"},
		"code with a tail": {c: command("parent", "5", "same group", "no such child"), want: process.ExitError{Name: "parent", Code: 5, Ready: true}},
		"signal":           {c: command("suicide"), want: process.ExitError{Name: "suicide", Code: -1, Signal: syscall.SIGKILL, Ready: true}, text: "tend/process: suicide: signal: killed"},
		"panic":            {c: command("panic"), want: process.ExitError{Name: "panic", Code: 2, Ready: true}, text: "tend/process: panic: exit status 2: panic: boom"},
		"early":            {c: command("exit", "5"), set: neverReady, want: process.ExitError{Name: "exit", Code: 5}, text: "tend/process: exit: exit status 5 before it was ready"},
	} {
		t.Run(name, func(t *testing.T) {
			if test.set != nil {
				test.set(test.c)
			}
			err := test.c.Serve(t.Context())
			var exit *process.ExitError
			if !errors.As(err, &exit) {
				t.Fatalf("got %v", err)
			}
			if exit.Pid == 0 || exit.MaxRSS < 1<<20 || exit.User+exit.System <= 0 {
				t.Errorf("pid %d, %d bytes, %v + %v", exit.Pid, exit.MaxRSS, exit.User, exit.System)
			}
			got := process.ExitError{Name: exit.Name, Code: exit.Code, Signal: exit.Signal, Core: exit.Core, Forced: exit.Forced, Ready: exit.Ready, Cause: exit.Cause}
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(process.ExitError{})); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if test.text != "" && err.Error() != test.text {
				t.Errorf("got %q, want %q", err, test.text)
			}
		})
	}
}

func neverReady(c *process.Command) { c.Ready = process.ReadyAfter(time.Hour) }

func TestTheErrorSaysThatCoreWasDumped(t *testing.T) {
	pattern, _ := os.ReadFile("/proc/sys/kernel/core_pattern")
	if strings.TrimSpace(string(pattern)) != "core" {
		t.Skipf("core_pattern is %q: whether there is a dump is up to the system", pattern)
	}
	c := command("abort")
	c.Dir, c.Path = t.TempDir(), self(t)
	err := c.Serve(t.Context())
	var exit *process.ExitError
	if !errors.As(err, &exit) || exit.Signal != syscall.SIGABRT || !exit.Core {
		t.Errorf("got %v", err)
	}
}

func self(t *testing.T) string {
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestASuccessThatNobodyAskedForIsNoError(t *testing.T) {
	for _, code := range []string{"0", "3"} {
		c := command("exit", code)
		c.SuccessExit = []int{3, 4}
		if err := c.Serve(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestAStopDuringTheStartReturnsItsCause(t *testing.T) {
	c := command("wait")
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("why")
	c.Setup = func(*exec.Cmd) error { cancel(why); return nil }
	if err := c.Serve(ctx); !errors.Is(err, why) || !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestAStopDoesNotWaitForReadiness(t *testing.T) {
	c := command("wait")
	await := record(t, c)
	neverReady(c)
	stop, _ := background(t, c)
	await("up")
	var exit *process.ExitError
	if err := stop(); !errors.Is(err, context.Canceled) || errors.As(err, &exit) {
		t.Error(err)
	}
}

// What a process does after SIGTERM is its own affair as long as it ends; an
// exit code that is no success is told.
func TestAnExitCodeAfterAStopIsTold(t *testing.T) {
	for code, text := range map[string]string{
		"0": "tend/process: polite: context canceled",
		"4": "tend/process: polite: context canceled: exit status 4: up",
		// It says that SIGTERM ended it.
		"143": "tend/process: polite: context canceled",
		// SIGKILL was not ours.
		"137": "tend/process: polite: context canceled: exit status 137: up",
	} {
		c := command("polite", code)
		await := record(t, c)
		stop, _ := background(t, c)
		await("up")
		if err := stop(); !errors.Is(err, context.Canceled) || err.Error() != text {
			t.Errorf("got %q, want %q", err, text)
		}
	}
}

// Without a stop it is a failure as any.
func TestAnExitCodeOfASignalThatNobodySentIsAFailure(t *testing.T) {
	var exit *process.ExitError
	if err := command("exit", "143").Serve(t.Context()); !errors.As(err, &exit) || exit.Code != 143 {
		t.Errorf("got %v", err)
	}
}

// An operator ends the process by hand. Nobody asked the service to stop.
func TestAProcessThatAnOperatorEndsHasFailed(t *testing.T) {
	c := command("wait")
	await := record(t, c)
	_, done := background(t, c)
	await("up")
	if err := syscall.Kill(c.Pid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	var exit *process.ExitError
	if err := <-done; !errors.As(err, &exit) || exit.Signal != syscall.SIGTERM || exit.Cause != nil || exit.Forced {
		t.Errorf("got %v", err)
	}
}

// What the calling program ignores its processes ignore too.
func TestIgnoredSignals(t *testing.T) {
	for name, test := range map[string]struct {
		args []string // of ignorant
		want string
	}{
		"the exit would be lost": {
			[]string{fmt.Sprint(int(syscall.SIGCHLD)), "exit", "0"},
			"served: tend/process: exit: SIGCHLD is ignored in this program",
		},
		"the stop is not heard": {
			[]string{fmt.Sprint(int(syscall.SIGHUP)), "wait"},
			"(the calling program ignores its StopSignal, and so did it from its start): up",
		},
		"a handler hears it": {
			[]string{fmt.Sprint(int(syscall.SIGHUP)), "polite", "0"},
			"served: tend/process: polite: context canceled",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := command("ignorant", test.args...)
			await := record(t, c)
			if err := c.Serve(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := await("served: "); !strings.Contains(got, test.want) {
				t.Errorf("got %q", got)
			}
		})
	}
}

// A process has what Setup gives it. What Go code opened is closed; what came without
// close-on-exec, as from whoever started this program, is not.
func TestInheritedDescriptors(t *testing.T) {
	plain, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	open, err := syscall.Dup(int(plain.Fd())) // without close-on-exec
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(open)
	files := func() []string {
		out, err := command("files").Run(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Fields(string(out))
	}
	if got := files(); !slices.Contains(got, fmt.Sprint(open)) || slices.Contains(got, fmt.Sprint(plain.Fd())) {
		t.Errorf("%v; %d is ours, %d is not", got, plain.Fd(), open)
	}
	syscall.CloseOnExec(open)
	if got := files(); slices.Contains(got, fmt.Sprint(open)) {
		t.Errorf("%v holds %d", got, open)
	}
}

func TestAStopAndAnExitMayMeet(t *testing.T) {
	for range 20 {
		c := command("echo")
		ctx, cancel := context.WithCancel(t.Context())
		var stdin interface{ Close() error }
		c.Setup = func(cmd *exec.Cmd) error {
			w, err := cmd.StdinPipe()
			stdin = w
			return err
		}
		c.Started = func(*exec.Cmd) {
			go cancel()
			go cancel()
			stdin.Close() // it exits
		}
		if err := c.Serve(ctx); err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		cancel()
	}
}

func TestNothingStartsUnderAnEndedContext(t *testing.T) {
	c := command("wait")
	c.Setup = func(*exec.Cmd) error { t.Error("started"); return nil }
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Serve(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// Its daemon leaves the session; the next launch works too.
func TestALauncherMayLaunchAgain(t *testing.T) {
	for range 2 {
		c := command("parent", "0", "setsid", "wait")
		await := record(t, c)
		c.Orphans, c.DrainTimeout = process.KeepOnSuccess, 10*time.Millisecond
		if err := c.Serve(t.Context()); err != nil {
			t.Error(err)
		}
		killEscaped(t, await("grandchild"))
	}
}

func TestLinesAreValidUTF8(t *testing.T) {
	c := command("print", "a\xffb\n", "")
	var got []process.Line
	c.Output = func(l process.Line) { l.Pid = 0; got = append(got, l) }
	if err := c.Serve(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]process.Line{{Text: "a\uFFFDb"}}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// blockingHandler is a slog handler that blocks until it is let go.
type blockingHandler struct {
	slog.Handler
	reached chan<- string
	release <-chan struct{}
}

func (h blockingHandler) Handle(_ context.Context, r slog.Record) error {
	var text strings.Builder
	fmt.Fprint(&text, r.Level, " ", r.Message)
	r.Attrs(func(a slog.Attr) bool {
		if a.Key != "pid" {
			fmt.Fprint(&text, " ", a)
		}
		return true
	})
	h.reached <- text.String()
	<-h.release
	return nil
}

// A slog handler that blocks does block the process and Serve.
func TestALoggerThatBlocksLosesNothing(t *testing.T) {
	c := command("numbers")
	reached, release := make(chan string, 1000), make(chan struct{})
	c.Output = nil
	c.Logger = slog.New(enabled{blockingHandler{slog.DiscardHandler, reached, release}})
	_, done := background(t, c)
	if got, want := <-reached, "INFO 0 process=numbers stream=stdout"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	select {
	case err := <-done:
		t.Fatalf("Serve returned while Output had not: %v", err)
	default:
	}
	close(release)
	if err := <-done; err != nil || len(reached) != 999 {
		t.Errorf("%v, %d more lines", err, len(reached))
	}
}

type enabled struct{ slog.Handler }

func (enabled) Enabled(context.Context, slog.Level) bool { return true }

func TestAProgramThatIsKilledTakesItsProcessAlongOrNot(t *testing.T) {
	for _, dies := range []bool{true, false} {
		t.Run(fmt.Sprint("DieWithParent ", dies), func(t *testing.T) {
			c := command("keeper", fmt.Sprint(dies))
			c.Orphans = process.KeepOnSuccess
			gone, await := witness(t, c), record(t, c)
			_, done := background(t, c)
			await("up")
			grandchild := childOf(t, c.Pid())
			if err := syscall.Kill(c.Pid(), syscall.SIGKILL); err != nil { // not the group
				t.Fatal(err)
			}
			if err := <-done; err == nil {
				t.Error("no error")
			}
			if !dies { // it has a group of its own, that nobody ends
				if err := syscall.Kill(grandchild, syscall.SIGKILL); err != nil {
					t.Errorf("it did not survive: %v", err)
				}
			}
			gone()
		})
	}
}

// A program that does not run for longer than the watchdog of its process, which does,
// finds that alive.
func TestAProgramThatWasFrozenFindsItsProcessAlive(t *testing.T) {
	c := command("keeper", "watchdog", "300ms")
	await := record(t, c)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c.Setup = func(cmd *exec.Cmd) error { cmd.ExtraFiles = []*os.File{w}; return nil }
	c.Started = func(*exec.Cmd) { w.Close() }
	stop, _ := background(t, c)
	await("up")
	pings := bufio.NewScanner(r)
	hear := func(n int) {
		t.Helper()
		for range n { // each comes a third of the watchdog's time after the one before
			if !pings.Scan() {
				t.Fatal("the process does not ping any more")
			}
		}
	}
	grandchild := childOf(t, c.Pid())
	hear(1)
	for _, sig := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGCONT, syscall.SIGSTOP, syscall.SIGCONT} {
		if err := syscall.Kill(c.Pid(), sig); err != nil {
			t.Fatal(err)
		}
		hear(6)
	}
	_ = stop()
	if err := syscall.Kill(grandchild, syscall.SIGKILL); err != nil {
		t.Errorf("it did not survive: %v", err)
	}
}

func childOf(t *testing.T, pid int) int {
	t.Helper()
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, task := range tasks {
		list, _ := os.ReadFile(task)
		if fields := strings.Fields(string(list)); len(fields) > 0 {
			child, _ := strconv.Atoi(fields[0])
			return child
		}
	}
	t.Fatalf("%d has no child", pid)
	return 0
}

// The next one works.
func TestACheckThatIsGivenUpTakesItsGroupAlong(t *testing.T) {
	c := command("parent", "-1", "same group", "deaf")
	c.StopSignal = syscall.SIGKILL // as Check has it
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c.Setup = func(cmd *exec.Cmd) error { cmd.Stdout = w; return nil }
	c.Started = func(*exec.Cmd) { w.Close() }
	ctx, cancel := context.WithCancelCause(t.Context())
	out := bufio.NewScanner(r)
	go func() {
		for out.Scan() && out.Text() != "up" {
		}
		cancel(context.DeadlineExceeded)
	}()
	if _, err := c.Run(ctx, 0); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if out.Scan() { // the end: nobody holds the pipe
		t.Errorf("output %q", out.Text())
	}
	if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); !errors.Is(err, syscall.ECHILD) {
		t.Errorf("a child is left: %d, %v", pid, err)
	}
	t.Setenv(childVar, "exit")
	if err := process.Check(self(t), "0")(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestCheck(t *testing.T) {
	t.Setenv(childVar, "wait")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := process.Check(self(t))(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	t.Setenv(childVar, "exit")
	if err := process.Check(self(t), "2")(t.Context()); err == nil || !strings.HasSuffix(err.Error(), "exit status 2") {
		t.Error(err)
	}
	t.Setenv(childVar, "print")
	if err := process.Check(self(t), strings.Repeat("x", 10_000), "")(t.Context()); err != nil {
		t.Error(err)
	}
	if err := process.Check("/no/such/check")(t.Context()); err == nil || !strings.Contains(err.Error(), "/no/such/check") {
		t.Error(err)
	}
}
