package app

import (
	"os"
	"os/signal"
	"time"
)

// wish is what a signal means.
type wish uint8

const (
	wantNothing wish = iota
	wantStop
	wantReload
	wantDump
)

// echo is how long after a signal that counted another one says nothing new. One Ctrl-C
// arrives twice when a parent such as npm, make or timeout forwards what the terminal
// has sent to all.
const echo = 100 * time.Millisecond

// cutOff is the exit code after a second SIGINT, as shells have it.
const cutOff = 128 + 2

// insists: s, a signal to stop that came so long after the last one that counted, is
// somebody who will not wait any longer. Only a person says so, with Ctrl-C: two
// managers may both send SIGTERM, and a terminal that closes makes several SIGHUP.
func insists(s os.Signal, after time.Duration) bool { return s == os.Interrupt && after >= echo }

// listen starts to catch the signals that mean something, and those that must not
// end the program, except those that it was started to ignore. The result ends that.
func listen() (signals chan os.Signal, restore func()) {
	signals = make(chan os.Signal, 16) // a burst while the loop is busy
	unread := make(chan os.Signal)
	catch(signals, caught)
	catch(unread, harmless)
	return signals, func() {
		signal.Stop(signals)
		signal.Stop(unread)
	}
}

func catch(c chan os.Signal, list []os.Signal) {
	for _, s := range list {
		if !signal.Ignored(s) {
			signal.Notify(c, s)
		}
	}
}
