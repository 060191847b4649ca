//go:build linux

package process_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/process"
)

// childVar makes the test binary a child instead: it holds the name of one of
// children.
const childVar = "TEND_PROCESS_TEST_CHILD"

// children are the programs that the tests run. A program that waits for a
// signal does so for at most a minute, so that nothing can be left for long.
var children = map[string]func(args []string){
	"exit": func(args []string) {
		code, _ := strconv.Atoi(args[0])
		os.Exit(code)
	},
	"wait":  func([]string) { fmt.Println("up"); time.Sleep(time.Minute) },
	"print": func(args []string) { fmt.Print(args[0]); fmt.Fprint(os.Stderr, args[1]) },
	"deaf": func([]string) { // to SIGTERM
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("up")
		time.Sleep(time.Minute)
	},
	"stubborn": func([]string) { // says that it was asked, and stays
		c := make(chan os.Signal, 1)
		signal.Notify(c, syscall.SIGTERM)
		fmt.Println("up")
		<-c
		fmt.Println("asked")
		time.Sleep(time.Minute)
	},
	"polite": func(args []string) { // exits with a code when it gets SIGTERM or SIGHUP
		c := make(chan os.Signal, 1)
		signal.Notify(c, syscall.SIGTERM, syscall.SIGHUP)
		fmt.Println("up")
		<-c
		code, _ := strconv.Atoi(args[0])
		os.Exit(code)
	},
	// "saver" saves its work when it gets SIGTERM and the pipe 3 is closed.
	"saver": func([]string) {
		c := make(chan os.Signal, 1)
		signal.Notify(c, syscall.SIGTERM)
		fmt.Println("saver up")
		<-c
		_, _ = io.ReadAll(os.NewFile(3, "pipe"))
		fmt.Println("saved")
	},
	"reloader": func([]string) { // has a worker without handlers
		hup, term := make(chan os.Signal, 1), make(chan os.Signal, 1)
		signal.Notify(hup, syscall.SIGHUP)
		signal.Notify(term, syscall.SIGTERM)
		worker := exec.Command(os.Args[0])
		worker.Env = append(os.Environ(), childVar+"=echo")
		in, _ := worker.StdinPipe()
		if err := worker.Start(); err != nil {
			fmt.Println(err)
			os.Exit(99)
		}
		fmt.Println("up")
		for {
			select {
			case <-hup:
				fmt.Println("reloaded")
			case <-term:
				_ = in.Close()
				fmt.Println("worker:", worker.Wait())
				os.Exit(0)
			}
		}
	},
	"root": func([]string) { // started as a setuid program, as sudo is
		if err := syscall.Setuid(0); err != nil {
			fmt.Println(err)
			os.Exit(99)
		}
		fmt.Println("up")
		time.Sleep(time.Minute)
	},
	"prompt":   func([]string) { fmt.Print("login: "); time.Sleep(time.Minute) },
	"ignorant": ignorant,
	"crowded":  crowded,
	"files": func([]string) { // prints which descriptors it has beside the first three
		for fd := 3; fd < 100; fd++ {
			var stat syscall.Stat_t
			if syscall.Fstat(fd, &stat) == nil && stat.Mode&syscall.S_IFMT != 0 {
				fmt.Println(fd)
			}
		}
	},
	"powerless": powerless,
	"echo":      func([]string) { _, _ = io.Copy(os.Stdout, os.Stdin) },
	"env":       func([]string) { fmt.Println(strings.Join(os.Environ(), "\n")) },
	"pwd":       func([]string) { fmt.Println(os.Getenv("PWD")) },
	"numbers":   func([]string) { fmt.Print(numbers()) },
	"panic":     func([]string) { panic("boom") },
	"abort": func([]string) {
		_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{Cur: 1 << 30, Max: 1 << 30})
		debug.SetTraceback("crash") // ends with a real SIGABRT
		panic("boom")
	},
	"suicide": func([]string) { _ = syscall.Kill(os.Getpid(), syscall.SIGKILL); time.Sleep(time.Minute) },
	"parent":  parent,
	"orphan": func(args []string) { // waits until the pipe 3 is closed, then writes
		_, _ = io.ReadAll(os.NewFile(3, "pipe"))
		fmt.Println(args[0])
	},
	"notify":   notify,
	"ready fd": readyFD,
	"keeper":   keeper,
}

// parent starts another child that inherits everything, and exits with a code;
// if that is negative it waits, and if it is "polite" it exits with 0 at SIGTERM.
func parent(args []string) {
	code, err := strconv.Atoi(args[0])
	term := make(chan os.Signal, 1)
	if err != nil {
		signal.Notify(term, syscall.SIGTERM)
	}
	how, what := args[1], args[2:]
	cmd := exec.Command(os.Args[0], what[1:]...)
	cmd.Env = append(os.Environ(), childVar+"="+what[0])
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	for fd := 3; ; fd++ {
		var stat syscall.Stat_t
		if syscall.Fstat(fd, &stat) != nil || stat.Mode&syscall.S_IFMT != syscall.S_IFIFO {
			break
		}
		cmd.ExtraFiles = append(cmd.ExtraFiles, os.NewFile(uintptr(fd), "inherited"))
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: how == "setsid"}
	if err := cmd.Start(); err != nil {
		fmt.Println(err)
		os.Exit(99)
	}
	fmt.Println("grandchild", cmd.Process.Pid)
	if err != nil {
		<-term
	}
	if code < 0 {
		time.Sleep(time.Minute)
	}
	os.Exit(code)
}

// notify sends its arguments to the notify socket, one message each; "sleep",
// "hang" and "exit" end the list.
func notify(args []string) {
	conn, err := net.Dial("unixgram", os.Getenv("NOTIFY_SOCKET"))
	if err != nil {
		fmt.Println(err)
		os.Exit(99)
	}
	for _, a := range args {
		switch a {
		case "ping", "slow ping": // for ever, within WATCHDOG_USEC; pipe 3 hears of it
			witness := os.NewFile(3, "witness")
			usec, _ := strconv.Atoi(os.Getenv("WATCHDOG_USEC"))
			part := map[string]int{"ping": 10, "slow ping": 3}[a]
			for n := 1; ; n++ {
				_, _ = conn.Write([]byte("WATCHDOG=1"))
				fmt.Println("ping", n)
				_, _ = fmt.Fprintln(witness, n) // nobody, if it is not inherited
				time.Sleep(time.Duration(usec/part) * time.Microsecond)
			}
		case "later":
			time.Sleep(700 * time.Millisecond)
			fmt.Println("later")
		case "wait":
			time.Sleep(time.Minute)
		case "sent":
			fmt.Println("sent")
		case "deaf":
			signal.Ignore(syscall.SIGTERM)
		case "forge": // a message of another user; only root can
			f, _ := conn.(*net.UnixConn).File()
			cred := syscall.UnixCredentials(&syscall.Ucred{Pid: int32(os.Getpid()), Uid: 12345, Gid: 12345})
			fmt.Println("forged", syscall.Sendmsg(int(f.Fd()), []byte("READY=1"), cred, nil, 0))
		case "barrier": // as sd_notify_barrier(3): the other side closes the pipe
			r, w, _ := os.Pipe()
			f, _ := conn.(*net.UnixConn).File()
			err := syscall.Sendmsg(int(f.Fd()), []byte("BARRIER=1"), syscall.UnixRights(int(w.Fd())), nil, 0)
			_ = w.Close()
			_, _ = io.ReadAll(r)
			fmt.Println("barrier", err)
		default:
			if _, err := conn.Write([]byte(a)); err != nil {
				fmt.Println(err)
			}
		}
	}
}

// readyFD writes its arguments to the descriptor of READY_FD.
func readyFD(args []string) {
	n, err := strconv.Atoi(os.Getenv("READY_FD"))
	if err != nil {
		fmt.Println(err)
		os.Exit(99)
	}
	f := os.NewFile(uintptr(n), "ready")
	for _, a := range args {
		if a == "wait" {
			time.Sleep(time.Minute)
		}
		if _, err := f.WriteString(strings.ReplaceAll(a, "NUL", "\x00")); err != nil {
			fmt.Println(err)
		}
	}
}

// keeper is a program that serves a Command itself. Pipe 3 goes to its child.
func keeper(args []string) {
	c := command("wait")
	if args[0] == "watchdog" {
		c = command("notify", "slow ping")
		c.Watchdog, _ = time.ParseDuration(args[1])
	}
	c.DieWithParent = args[0] == "true"
	c.Setup = func(cmd *exec.Cmd) error {
		cmd.ExtraFiles = []*os.File{os.NewFile(3, "witness")}
		return nil
	}
	c.Output = func(process.Line) { fmt.Println("up") }
	fmt.Println(c.Serve(context.Background()))
}

// powerless serves, in a supervisor, a program that takes another user, and stops it.
// It prints what its log and its tree say.
func powerless(args []string) {
	c := command("root")
	c.Path, c.StopTimeout = args[0], 20*time.Millisecond
	root := tend.New("root", tend.Spec{EventHook: func(e tend.Event) {
		if e, ok := e.(tend.ServiceEnded); ok {
			fmt.Println("ended:", e.Err)
		}
	}})
	c.Output = func(l process.Line) { go root.Stop() }
	c.Logger = slog.New(slog.NewTextHandler(writerFunc(func(p []byte) {
		fmt.Print(string(p))
		if bytes.Contains(p, []byte("killed")) {
			fmt.Println("tree:", root.Status().Services[0].Annotations)
			fmt.Println("pid", c.Pid())
		}
	}), nil))
	root.Add(tend.Child{Service: c.Child(), Timeout: time.Minute})
	_ = root.Serve(context.Background())
}

// ignorant ignores a signal, which cannot be taken back, and then serves a Command; it
// prints what comes of it.
func ignorant(args []string) {
	sig, _ := strconv.Atoi(args[0])
	signal.Ignore(syscall.Signal(sig))
	ctx, cancel := context.WithCancel(context.Background())
	c := command(args[1], args[2:]...)
	c.StopTimeout, c.StopSignal = 20*time.Millisecond, syscall.SIGHUP // Go installs handlers for others
	if args[1] == "polite" {
		c.StopTimeout = time.Minute
	}
	c.Output = func(process.Line) { cancel() }
	fmt.Println("served:", c.Serve(ctx))
}

// crowded stops a launcher that ends at once while no file can be opened, and lets its
// worker save meanwhile. It prints what comes of it.
func crowded([]string) {
	trigger, hold, _ := os.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	c := command("parent", "polite", "same group", "saver")
	c.StopTimeout = time.Minute
	c.Setup = func(cmd *exec.Cmd) error { cmd.ExtraFiles = []*os.File{trigger}; return nil }
	var files syscall.Rlimit
	_ = syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files)
	c.Output = func(l process.Line) {
		switch fmt.Println(l.Text); l.Text {
		case "saver up":
			_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Max: files.Max})
			cancel()
		case "saved":
			_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &files)
		}
	}
	served := make(chan error, 1)
	go func() { served <- c.Serve(ctx) }()
	for c.Pid() == 0 {
		runtime.Gosched()
	}
	for c.Pid() != 0 && !waitsForTheRest() {
		runtime.Gosched()
	}
	_ = hold.Close()
	fmt.Println("served:", <-served)
}

// writerFunc is a function as an io.Writer.
type writerFunc func([]byte)

func (f writerFunc) Write(p []byte) (int, error) { f(p); return len(p), nil }

func numbers() string {
	var b strings.Builder
	for i := range 1000 {
		fmt.Fprintln(&b, i)
	}
	return b.String()
}

func TestMain(m *testing.M) {
	if name := os.Getenv(childVar); name != "" {
		_ = os.Unsetenv(childVar)
		children[name](os.Args[1:])
		os.Exit(0)
	}
	_ = os.Setenv("GORACE", "atexit_sleep_ms=0") // or each child sleeps for a second under -race
	os.Exit(cleanRun(m))
}

// cleanRun runs the tests and then looks for what they left behind.
func cleanRun(m *testing.M) int {
	r, w, _ := os.Pipe() // starts the poller, which stays
	_, _ = w.Close(), r.Close()
	fds := openFiles()
	code := m.Run()
	if code != 0 || flag.Lookup("test.fuzz").Value.String() != "" { // fuzzing has processes of its own
		return code
	}
	if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); !errors.Is(err, syscall.ECHILD) {
		fmt.Printf("children are left (%d, %v)\n", pid, err)
		code = 1
	}
	if now := openFiles(); len(now) > len(fds) {
		fmt.Printf("descriptors are left:\n%s\nbefore:\n%s\n", strings.Join(now, "\n"), strings.Join(fds, "\n"))
		code = 1
	}
	for end := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > 1 && time.Now().Before(end); {
		runtime.Gosched() // they are past their last statement
	}
	if n := runtime.NumGoroutine(); n > 1 {
		buf := make([]byte, 1<<20)
		fmt.Printf("%d goroutines are left\n%s\n", n, buf[:runtime.Stack(buf, true)])
		code = 1
	}
	return code
}

// openFiles are the pipes, sockets and pidfds of this program.
func openFiles() []string {
	entries, _ := os.ReadDir("/proc/self/fd")
	var open []string
	for _, e := range entries {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && strings.HasSuffix(to, "]") && !strings.Contains(to, "[event") {
			open = append(open, e.Name()+" "+to)
		}
	}
	return open
}

// command is a Command that runs one of children and keeps its output to itself.
func command(child string, args ...string) *process.Command {
	return &process.Command{
		Name: child, Path: os.Args[0], Args: args, Env: append(os.Environ(), childVar+"="+child),
		Output: func(process.Line) {},
	}
}

// record makes the Command deliver its lines to the function that it returns.
// That waits until a line begins with prefix, and returns it.
func record(t *testing.T, c *process.Command) (await func(prefix string) string) {
	lines := make(chan string, 10_000)
	c.Output = func(l process.Line) { lines <- l.Text }
	return func(prefix string) string {
		t.Helper()
		for {
			select {
			case line := <-lines:
				if strings.HasPrefix(line, prefix) {
					return line
				}
			case <-time.After(30 * time.Second):
				t.Fatalf("no line begins with %q", prefix)
			}
		}
	}
}

// witness makes the Command inherit a pipe. The function that it returns waits
// until all who hold it, the process and its descendants, have died.
func witness(t *testing.T, c *process.Command) (gone func()) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	c.Setup = func(cmd *exec.Cmd) error {
		cmd.ExtraFiles = append(cmd.ExtraFiles, w)
		return nil
	}
	c.Started = func(*exec.Cmd) { _ = w.Close() }
	return func() {
		t.Helper()
		_ = r.SetReadDeadline(time.Now().Add(30 * time.Second))
		if _, err := io.ReadAll(r); err != nil {
			t.Errorf("something still runs: %v", err)
		}
	}
}

// background serves c until stop is called, which returns what Serve returned.
func background(t *testing.T, c *process.Command) (stop func() error, done <-chan error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Serve(ctx) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(cancel)
	return stop, ended
}
