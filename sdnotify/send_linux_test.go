package sdnotify

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// listen opens a notify socket.
func listen(t *testing.T, addr string) *net.UnixConn {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: addr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	t.Setenv("NOTIFY_SOCKET", addr)
	return conn
}

// receive returns one message.
func receive(t *testing.T, conn *net.UnixConn) string {
	t.Helper()
	buf := make([]byte, maxMessage+1)
	n, err := conn.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}

func TestSend(t *testing.T) {
	dir, err := os.MkdirTemp("", "sd") //nolint:usetesting // t.TempDir may be longer than a socket's address
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	abstract := "@tend-sdnotify-" + strconv.Itoa(os.Getpid())
	for _, addr := range []string{filepath.Join(dir, "socket"), abstract} {
		conn := listen(t, addr)
		if !Enabled() {
			t.Error("not Enabled with", addr)
		}
		for _, state := range [][]string{
			{Ready},
			{Stopping, Status("waits for root/db"), ExtendTimeout(time.Second)},
			{"A=" + strings.Repeat("x", maxMessage-2)},
		} {
			if sent, err := Send(state...); !sent || err != nil {
				t.Errorf("Send to %s: %v, %v", addr, sent, err)
				continue
			}
			if diff := cmp.Diff(strings.Join(state, "\n"), receive(t, conn)); diff != "" {
				t.Errorf("%s: -sent +received\n%s", addr, diff)
			}
		}
	}
}

func TestSendFails(t *testing.T) {
	for addr, want := range map[string]string{
		"vsock:2:1":         `tend/sdnotify: NOTIFY_SOCKET is "vsock:2:1", neither a path nor an abstract name`,
		"@":                 `tend/sdnotify: NOTIFY_SOCKET is "@", neither a path nor an abstract name`,
		"/nonexistent/sock": `tend/sdnotify: NOTIFY_SOCKET "/nonexistent/sock": dial unixgram /nonexistent/sock: connect: no such file or directory`,
		"/" + strings.Repeat("x", 200): `tend/sdnotify: NOTIFY_SOCKET "/` + strings.Repeat("x", 200) +
			`": dial unixgram /` + strings.Repeat("x", 200) + `: connect: invalid argument`,
	} {
		t.Setenv("NOTIFY_SOCKET", addr)
		sent, err := Send(Ready)
		if sent || err == nil {
			t.Errorf("Send to %s: %v, %v", addr, sent, err)
			continue
		}
		if diff := cmp.Diff(want, err.Error()); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	}
}

// A manager that does not read must not hold up the program. With a deadline
// that has passed the last write, which would have to wait, fails; without the
// deadline this test hangs.
func TestSendToFullQueue(t *testing.T) {
	addr := "@tend-sdnotify-full-" + strconv.Itoa(os.Getpid())
	listen(t, addr)
	for {
		err := sendTo(addr, Ready, time.Millisecond)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestReloading(t *testing.T) {
	got := Reloading()
	if ok, _ := regexp.MatchString(`^RELOADING=1\nMONOTONIC_USEC=[1-9][0-9]*$`, got); !ok {
		t.Errorf("got %q", got)
	}
	if err := check(got); err != nil {
		t.Error(err)
	}
	first, _ := monotonic()
	if second, ok := monotonic(); !ok || second < first {
		t.Errorf("monotonic: %v, then %v, %v", first, second, ok)
	}
}
