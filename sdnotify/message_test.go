package sdnotify

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestStatus(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"", "STATUS="},
		{"12 services run", "STATUS=12 services run"},
		{"a\nREADY=1\r\t\x00b", "STATUS=a READY=1   b"},
		{"caf\xc3", "STATUS=caf"},
		{strings.Repeat("x", 1024), "STATUS=" + strings.Repeat("x", 1024)},
		{strings.Repeat("é", 1024), "STATUS=" + strings.Repeat("é", 510) + "…"},
	} {
		if diff := cmp.Diff(test.want, Status(test.text)); diff != "" {
			t.Errorf("Status(%.20q): -want +got\n%s", test.text, diff)
		}
	}
}

func FuzzStatus(f *testing.F) {
	f.Add("a\nb")
	f.Add(strings.Repeat("é", 2000) + "\xff")
	f.Fuzz(func(t *testing.T, text string) {
		got := Status(text)
		if !utf8.ValidString(got) || strings.Contains(got, "\n") || len(got) > len("STATUS=")+maxStatus {
			t.Errorf("Status(%q) = %q", text, got)
		}
		if err := check(got); err != nil {
			t.Error(err)
		}
	})
}

func TestExtendTimeout(t *testing.T) {
	if got, want := ExtendTimeout(1500*time.Millisecond), "EXTEND_TIMEOUT_USEC=1500000"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	defer func() {
		if got, want := recover(), "tend/sdnotify: ExtendTimeout by -1s"; got != want {
			t.Errorf("panicked with %v, want %q", got, want)
		}
	}()
	ExtendTimeout(-time.Second)
}

func TestCheck(t *testing.T) {
	for _, test := range []struct{ message, want string }{
		{"READY=1", ""},
		{"READY=1\nSTATUS=a=b", ""},
		{"", "tend/sdnotify: there is nothing to send"},
		{"READY", `tend/sdnotify: "READY" is not of the form NAME=value`},
		{"READY=1\n", `tend/sdnotify: "" is not of the form NAME=value`},
		{"=1", `tend/sdnotify: "=1" is not of the form NAME=value`},
		{"A=" + strings.Repeat("x", 4095), "tend/sdnotify: the message has 4097 bytes, more than 4096"},
	} {
		got := ""
		if err := check(test.message); err != nil {
			got = err.Error()
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("check(%.20q): -want +got\n%s", test.message, diff)
		}
	}
}

func TestWatchdogInterval(t *testing.T) {
	own := strconv.Itoa(os.Getpid())
	for _, test := range []struct {
		usec, pid string
		want      time.Duration
		err       string
	}{
		{"", "", 0, ""},
		{"30000000", "", 30 * time.Second, ""},
		{"30000000", own, 30 * time.Second, ""},
		{"30000000", "1" + own, 0, ""},
		{"", own, 0, ""},
		{"9223372036854775807", own, 9223372036854775 * time.Microsecond, ""},
		{"0", own, 0, `tend/sdnotify: WATCHDOG_USEC is "0", not a positive number`},
		{"1s", own, 0, `tend/sdnotify: WATCHDOG_USEC is "1s", not a positive number`},
		{"1", "-1", 0, `tend/sdnotify: WATCHDOG_PID is "-1", not a positive number`},
	} {
		t.Setenv("WATCHDOG_USEC", test.usec)
		t.Setenv("WATCHDOG_PID", test.pid)
		got, err := WatchdogInterval()
		text := ""
		if err != nil {
			text = err.Error()
		}
		if got != test.want || text != test.err {
			t.Errorf("%q for %q: got %v, %q; want %v, %q", test.usec, test.pid, got, text, test.want, test.err)
		}
	}
}

func TestNobodyListens(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	if Enabled() {
		t.Error("Enabled without NOTIFY_SOCKET")
	}
	if sent, err := Send(Ready); sent || err != nil {
		t.Errorf("Send: %v, %v", sent, err)
	}
	if sent, err := Send("nonsense"); sent || err == nil {
		t.Errorf("Send of nonsense: %v, %v; it must fail in tests too, where nobody listens", sent, err)
	}
}
