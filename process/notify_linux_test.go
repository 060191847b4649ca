package process

import (
	"os"
	"testing"
	"time"
)

// The watchdog finds the process late in the moment in which it begins to read what
// that has sent in time.
func TestWhatWaitsInTheSocketIsReadBeforeAnybodyIsJudged(t *testing.T) {
	for range 5 {
		sent := make(chan struct{})
		c := &Command{
			Path: os.Args[0], Env: append(os.Environ(), "TEND_PROCESS_TEST_CHILD=notify"),
			Args:     []string{"READY=1", "STATUS=1", "STATUS=2", "STATUS=3", "WATCHDOG=1", "sent", "barrier"},
			Watchdog: time.Minute, Ready: ReadyNotify(),
		}
		r := newRun(c, newDelivery(func(l Line) {
			if l.Text == "sent" {
				close(sent)
			}
		}, 1<<10))
		if err := r.start(t.Context()); err != nil {
			t.Fatal(err)
		}
		<-sent
		now := time.Now()
		r.life.ready(now)
		r.life.deadline, r.life.wake = now, now
		if err := r.finish(t.Context(), r.watch(t.Context())); err != nil {
			t.Error(err)
		}
	}
}
