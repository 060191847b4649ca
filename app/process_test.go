//go:build unix

package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/server"
	"github.com/tend-go/tend/tendtest"
)

// programs are what the test binary can be instead, if the environment says so.
// What they log goes to stderr.
var programs = map[string]func(){
	"plain": func() {
		root := tend.New("plain", tend.Spec{})
		root.Add(tendtest.Idle("web"))
		Main(root, Options{Listen: "127.0.0.1:0", Debug: "127.0.0.1:0"})
	},
	"slow to stop": func() {
		root := tend.New("slow", tend.Spec{Timeout: time.Hour})
		root.Add(tend.Func("web", linger))
		Main(root, Options{CrashDir: os.Getenv("TEND_APP_DIR")})
	},
	"does not stop": func() {
		root := tend.New("stuck", tend.Spec{StopWithin: 100 * time.Millisecond})
		db := tend.New("db", tend.Spec{})
		db.Add(tendtest.Slow("pool", time.Hour))
		root.Add(db)
		Main(root, Options{CrashDir: os.Getenv("TEND_APP_DIR")})
	},
	"exit code": func() {
		root, mid := tend.New("root", tend.Spec{}), tend.New("mid", tend.Spec{})
		root.Add(mid)
		mid.Add(tend.Func("end", func(context.Context) error { return Exit(7, io.EOF) }))
		Main(root, Options{})
	},
	"escalation": func() {
		root := tend.New("root", tend.Spec{Escalate: true, FailureThreshold: 2})
		root.Add(tend.Func("bad", func(context.Context) error { return io.EOF }))
		Main(root, Options{CrashDir: os.Getenv("TEND_APP_DIR")})
	},
	"reload": func() {
		root := tend.New("root", tend.Spec{})
		root.Add(tendtest.Idle("web"))
		Main(root, Options{Reload: []func(context.Context) error{func(context.Context) error {
			fmt.Fprintln(os.Stderr, "new settings")
			return nil
		}}})
	},
	"saves": func() {
		dumped := make(chan struct{})
		root := tend.New("saves", tend.Spec{})
		root.Add(tend.Func("db", func(ctx context.Context) error {
			<-ctx.Done()
			<-dumped // the test has sent all that it wants to
			fmt.Fprintln(os.Stderr, "saved")
			return nil
		}))
		Main(root, Options{Stderr: writerFunc(func(text []byte) (int, error) {
			defer close(dumped)
			return os.Stderr.Write(text)
		})})
	},
	"writes": func() {
		root := tend.New("writes", tend.Spec{})
		root.Add(tend.Func("db", func(ctx context.Context) error {
			<-ctx.Done()
			for range 3 { // the first may still find room in the pipe
				fmt.Fprintln(os.Stderr, "saving")
				fmt.Fprintln(os.Stdout, "saving")
			}
			return os.WriteFile(os.Getenv("TEND_APP_FILE"), []byte("saved"), 0o600)
		}))
		Main(root, Options{})
	},
	"panics": func() {
		root := tend.New("root", tend.Spec{})
		root.Add(tend.Func("x", func(ctx context.Context) error {
			go func() { panic("ouch") }()
			<-ctx.Done()
			return nil
		}))
		Main(root, Options{CrashDir: os.Getenv("TEND_APP_DIR")})
	},
	"own last words": func() {
		f, err := os.Create(os.Getenv("TEND_APP_FILE"))
		if err != nil {
			panic(err)
		}
		_ = debug.SetCrashOutput(f, debug.CrashOptions{})
		root := tend.New(strings.Repeat("x", 250), tend.Spec{}) // too long for the name of a file
		root.Add(tend.Func("end", func(context.Context) error { return Exit(0, nil) }))
		_ = Run(context.Background(), root, Options{CrashDir: os.Getenv("TEND_APP_DIR")})
		panic("ouch")
	},
	"hanging request": func() {
		root := tend.New("shop", tend.Spec{StopWithin: time.Second})
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			panic(err)
		}
		root.Add(server.Config{
			Name: "web", Listen: func(context.Context) (net.Listener, error) { return listener, nil },
			New: server.CopiesOf(&http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				fmt.Fprintln(os.Stderr, "a request hangs")
				<-r.Context().Done()
			})}),
		}.Child())
		go func() { _, _ = http.Get("http://" + listener.Addr().String()) }() //nolint:bodyclose,noctx // it has no answer
		Main(root, Options{})
	},
	"no address": func() { Main(tend.New("root", tend.Spec{}), Options{Listen: "256.0.0.1:1"}) },
}

// linger is a service that says when it is told to stop, and does not.
func linger(ctx context.Context) error {
	<-ctx.Done()
	fmt.Fprintln(os.Stderr, "web is told")
	time.Sleep(time.Hour)
	return nil
}

func TestMain(m *testing.M) {
	name := os.Getenv("TEND_APP_PROGRAM")
	if name == "" {
		heedSignals()
		os.Exit(m.Run())
	}
	go func() { // until the test is gone
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(99)
	}()
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, nil)))
	programs[name]()
	panic("Main returned")
}

// heedSignals makes sure that the programs that the tests start do not inherit an
// ignored signal, from a shell that runs the tests in the background, say: one
// that is caught is the default again in a new program.
func heedSignals() {
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGHUP} {
		if signal.Ignored(s) {
			signal.Notify(make(chan os.Signal, 1), s)
		}
	}
}

// process is the test binary as another program.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	out   io.Closer // stderr
	lines *bufio.Scanner
	said  strings.Builder
}

// start starts a program. It is killed when the test ends.
func start(t *testing.T, name string, env ...string) *process {
	t.Helper()
	return startAs(t, exec.CommandContext(t.Context(), os.Args[0]), name, env...)
}

func startAs(t *testing.T, cmd *exec.Cmd, name string, env ...string) *process {
	t.Helper()
	cmd.Env = append(append(os.Environ(), "TEND_APP_PROGRAM="+name, "GORACE=atexit_sleep_ms=0"), env...)
	if _, err := cmd.StdinPipe(); err != nil { // closed when the test is gone
		t.Fatal(err)
	}
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	return &process{t: t, cmd: cmd, out: out, lines: bufio.NewScanner(out)}
}

// await reads until a line holds text, and returns it.
func (p *process) await(text string) string {
	p.t.Helper()
	for p.lines.Scan() {
		p.said.WriteString(p.lines.Text() + "\n")
		if strings.Contains(p.lines.Text(), text) {
			return p.lines.Text()
		}
	}
	p.t.Fatalf("it never said %q, but\n%s", text, p.said.String())
	return ""
}

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// interruptUntil sends SIGINT, again and again as a person would, until a line holds
// text.
func (p *process) interruptUntil(text string) {
	p.t.Helper()
	ticker := time.NewTicker(echo)
	defer ticker.Stop()
	over := make(chan struct{})
	defer close(over)
	go func() {
		for {
			select {
			case <-ticker.C:
				_ = p.cmd.Process.Signal(os.Interrupt)
			case <-over:
				return
			}
		}
	}()
	p.await(text)
}

// end reads the rest and checks the exit code. It returns all that was said.
func (p *process) end(code int) string {
	p.t.Helper()
	for p.lines.Scan() {
		p.said.WriteString(p.lines.Text() + "\n")
	}
	err := p.cmd.Wait()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		p.t.Error(err)
	}
	if got := p.cmd.ProcessState.ExitCode(); got != code {
		p.t.Errorf("exit code %d (%s), want %d; it said\n%s", got, p.cmd.ProcessState, code, p.said.String())
	}
	return p.said.String()
}

func TestProcessSignals(t *testing.T) {
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		p := start(t, "plain")
		p.await("msg=ready")
		p.signal(s)
		contains(t, p.end(0), `msg=stopping cause="signal: `+s.String(), "msg=ended code=0")
	}
}

func TestProcessSecondInterrupt(t *testing.T) {
	dir := t.TempDir()
	p := start(t, "slow to stop", "TEND_APP_DIR="+dir)
	p.await("msg=ready")
	p.signal(syscall.SIGTERM)
	p.await("web is told") // after "msg=stopping"
	p.interruptUntil("again: ending at once")
	contains(t, p.end(130), "slow: interrupt again: ending at once; this still ran", "└─ web", "stopping",
		"\nslow/web is stopping since ", "app.linger\n", "crash bundle written")
	checkBundle(t, dir, "ended by a second signal, interrupt")
}

func TestProcessStuck(t *testing.T) {
	dir := t.TempDir()
	p := start(t, "does not stop", "TEND_APP_DIR="+dir)
	p.await("msg=ready")
	p.signal(syscall.SIGTERM)
	contains(t, p.end(1), `msg="service stuck"`, "tendtest/services.go:", "stuck: 1 service did not stop", "\nstuck/db/pool did not stop, asked ", "msg=ended code=1 unstopped=1")
	checkBundle(t, dir, "1 service did not stop")
}

// TestProcessHangingRequest: it is cut off in time, which is a warning, and the program has
// ended well.
func TestProcessHangingRequest(t *testing.T) {
	p := start(t, "hanging request")
	p.await("a request hangs")
	p.signal(syscall.SIGTERM)
	contains(t, p.end(0), "level=WARN", "work under way was cut off", "msg=ended code=0")
}

func TestProcessExitCode(t *testing.T) {
	contains(t, start(t, "exit code").end(7), "msg=ended code=7")
}

func TestProcessEscalation(t *testing.T) {
	dir := t.TempDir()
	contains(t, start(t, "escalation", "TEND_APP_DIR="+dir).end(1), "msg=escalated", "msg=ended code=1")
	checkBundle(t, dir, "too many failures")
}

// The end that a plain goroutine makes of the program is in CrashDir, too; what ended
// well leaves nothing there, see checkBundle.
func TestProcessPanic(t *testing.T) {
	dir := t.TempDir()
	contains(t, start(t, "panics", "TEND_APP_DIR="+dir).end(2), "panic: ouch")
	found := names(t, dir)
	if len(found) != 1 || !strings.HasPrefix(found[0], "root-crash-") || !strings.HasSuffix(found[0], "Z.txt") {
		t.Fatalf("there is %q", found)
	}
	path := filepath.Join(dir, found[0])
	words, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	contains(t, string(words), "panic: ouch", "goroutine ", "app.init.")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// A program that has a file for its last words keeps it if CrashDir gets none.
func TestProcessKeepsItsOwnLastWords(t *testing.T) {
	path := filepath.Join(t.TempDir(), "words")
	said := start(t, "own last words", "TEND_APP_DIR="+t.TempDir(), "TEND_APP_FILE="+path).end(2)
	contains(t, said, "last words will not be kept", "panic: ouch")
	words, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	contains(t, string(words), "panic: ouch")
}

func TestProcessCannotStart(t *testing.T) {
	contains(t, start(t, "no address").end(1), `msg="cannot start" error=`, "256.0.0.1")
}

// checkBundle looks for one bundle, with a trace, about something.
func checkBundle(t *testing.T, dir, reason string) {
	t.Helper()
	bundles := names(t, dir)
	if len(bundles) != 1 {
		t.Fatalf("there is %q", bundles)
	}
	dir = filepath.Join(dir, bundles[0])
	want := []string{"events.jsonl", "goroutines.txt", "report.txt", "trace.out", "tree.json"}
	if diff := cmp.Diff(want, names(t, dir)); diff != "" {
		t.Fatalf("-want +got\n%s", diff)
	}
	for name, beginning := range map[string]string{"trace.out": "go 1.", "goroutines.txt": "goroutine "} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !strings.HasPrefix(string(data), beginning) {
			t.Errorf("%s: %.40q, %v", name, data, err)
		}
	}
	report, err := os.ReadFile(filepath.Join(dir, "report.txt"))
	if err != nil {
		t.Fatal(err)
	}
	contains(t, string(report), reason)
}

func TestProcessDump(t *testing.T) {
	p := start(t, "plain")
	p.await("msg=ready")
	p.signal(syscall.SIGUSR1)
	p.await("plain: as asked, ")
	p.await("└─ web")
	p.signal(syscall.SIGTERM)
	p.end(0)
}

func TestProcessReload(t *testing.T) {
	p := start(t, "reload")
	p.await("msg=ready")
	p.signal(syscall.SIGHUP)
	p.await("msg=reloaded")
	p.signal(syscall.SIGTERM)
	said := p.end(0)
	contains(t, said, "new settings") // that it reloads is logged beside it
	contains(t, said, "msg=reloading", "msg=reloaded")
}

// A signal that was ignored when the program was started, as by nohup, stays so, also
// in one that can reload.
func TestProcessIgnoredSignals(t *testing.T) {
	for _, name := range []string{"plain", "reload"} {
		p := startAs(t, exec.CommandContext(t.Context(), "sh", "-c", `trap "" HUP INT; exec "$0"`, os.Args[0]), name)
		p.await("msg=ready")
		p.signal(os.Interrupt)
		p.signal(syscall.SIGHUP)
		p.signal(syscall.SIGUSR1)
		p.await("└─ web") // it is still there
		p.signal(syscall.SIGTERM)
		said := p.end(0)
		contains(t, said, `msg=stopping cause="signal: terminated"`)
		if strings.Contains(said, "reloading") {
			t.Errorf("it has reloaded:\n%s", said)
		}
	}
}

// Launchers that forward what the terminal has sent to all, terminals that close and
// managers that repeat themselves cut nothing off: the work of the service is done.
func TestProcessStopsOnce(t *testing.T) {
	for _, signals := range [][]os.Signal{
		{os.Interrupt, syscall.SIGTERM},
		{syscall.SIGHUP, syscall.SIGHUP},
		{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGTERM},
	} {
		p := start(t, "saves")
		p.await("msg=ready")
		p.signal(signals[0])
		p.await("msg=stopping")
		for _, s := range signals[1:] {
			p.signal(s)
			p.await("the stop goes on")
		}
		p.signal(syscall.SIGUSR1)
		p.await("as asked")
		contains(t, p.end(0), "saved")
	}
}

// Who reads stdout and stderr goes away: writing fails, and the stop comes to its end.
func TestProcessReaderLeaves(t *testing.T) {
	for _, stdout := range []bool{false, true} {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		file := filepath.Join(t.TempDir(), "result")
		var out io.ReadCloser
		if stdout {
			out, _ = cmd.StdoutPipe()
		}
		p := startAs(t, cmd, "writes", "TEND_APP_FILE="+file)
		p.await("msg=ready")
		if stdout {
			out.Close()
		} else {
			p.out.Close()
		}
		p.signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("it ended with %v", err)
		}
		if data, err := os.ReadFile(file); err != nil || string(data) != "saved" {
			t.Errorf("%q, %v", data, err)
		}
	}
}

func TestProcessListeners(t *testing.T) {
	p := start(t, "plain")
	address := func() string {
		_, address, _ := strings.Cut(p.await("msg=listening"), "address=")
		return "http://" + address
	}
	listen, debug := address(), address()
	p.await("msg=ready")
	fetch := func(url string) (int, string) {
		r, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		body, _ := io.ReadAll(r.Body)
		return r.StatusCode, string(body)
	}
	for url, want := range map[string]int{
		listen + "/livez": 200, listen + "/readyz": 200, listen + "/debug/tree/": 404, listen + "/debug/pprof/": 404,
		debug + "/livez": 200, debug + "/readyz": 200, debug + "/debug/tree/": 200, debug + "/debug/pprof/goroutine": 200,
	} {
		if got, body := fetch(url); got != want {
			t.Errorf("%s: %d %.100q, want %d", url, got, body, want)
		}
	}
	p.signal(syscall.SIGTERM)
	p.end(0)
}

func TestProcessSystemd(t *testing.T) {
	if _, err := os.Stat("/proc/self"); err != nil {
		t.Skip("package sdnotify tells nothing but on Linux")
	}
	addr := &net.UnixAddr{Net: "unixgram", Name: fmt.Sprintf("@tend-app-test-%d", os.Getpid())}
	socket, err := net.ListenUnixgram("unixgram", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	heard := ""
	hear := func(text string) {
		t.Helper()
		for buf := make([]byte, 4096); !strings.Contains(heard, text); {
			n, err := socket.Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			heard += string(buf[:n]) + "\n"
		}
	}
	p := start(t, "reload", "NOTIFY_SOCKET="+addr.Name, "WATCHDOG_USEC=100000", "WATCHDOG_PID=")
	hear("READY=1\nWATCHDOG=1\nSTATUS=1 of 1 services run\n")
	heard = ""
	hear("WATCHDOG=1\n")
	p.signal(syscall.SIGHUP)
	hear("RELOADING=1\nMONOTONIC_USEC=")
	hear("READY=1\n")
	p.signal(syscall.SIGTERM)
	hear("STOPPING=1\nSTATUS=ended with exit code 0: signal: terminated\n")
	p.end(0)
}
