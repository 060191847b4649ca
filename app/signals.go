package app

import (
	"os"
	"os/signal"
)

// wish is what a signal means.
type wish uint8

const (
	wantNothing wish = iota
	wantStop
	wantReload
	wantDump
)

// listen starts to catch the signals that mean something, except those to stop
// that the program was started to ignore. The result ends that.
func listen(reloads bool) (signals chan os.Signal, restore func()) {
	signals = make(chan os.Signal, 16) // a burst while the loop is busy
	for _, s := range caught {
		if meaning(s, reloads) != wantStop || !signal.Ignored(s) {
			signal.Notify(signals, s)
		}
	}
	return signals, func() { signal.Stop(signals) }
}
