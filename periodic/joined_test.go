package periodic_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend/periodic"
)

// Aliyun's schedule: a scan every 15 minutes, a pull every 5, a minute apart.
func aliyun(l *timeline, scanAfter, pullAfter time.Duration) (scan, pull *periodic.Job) {
	scan, pull = job(l, "scan", 15*time.Minute), job(l, "pull", 5*time.Minute)
	scan.InitialDelay, pull.InitialDelay = scanAfter, pullAfter
	(&periodic.Gate{MinGap: time.Minute}).Join(scan, pull)
	return scan, pull
}

func TestAGateKeepsJobsApart(t *testing.T) {
	for _, c := range []struct {
		name                 string
		scanAfter, pullAfter time.Duration
		want                 string
	}{
		{
			"exactly MinGap after and before is far enough", 30 * time.Second, 90 * time.Second,
			"scan@30s pull@1m30s pull@6m30s pull@11m30s scan@15m30s pull@16m30s pull@21m30s pull@26m30s scan@30m30s pull@31m30s",
		},
		{
			"the pull waits when the scan was less than a minute ago", 30 * time.Second, 60 * time.Second,
			"scan@30s pull@1m30s pull@6m pull@11m scan@15m30s pull@16m30s pull@21m pull@26m scan@30m30s pull@31m30s",
		},
		{
			"the pull skips its turn when the scan is due in less than a minute", 50 * time.Second, 20 * time.Second,
			"scan@50s pull@5m20s pull@10m20s scan@15m50s pull@20m20s pull@25m20s scan@30m50s",
		},
		{
			"a pull exactly a minute before the scan", 30 * time.Second, 4*time.Minute + 30*time.Second,
			"scan@30s pull@4m30s pull@9m30s pull@14m30s scan@15m30s pull@19m30s pull@24m30s pull@29m30s scan@30m30s",
		},
		{
			"due together: the pull skips", 10 * time.Second, 10 * time.Second,
			"scan@10s pull@5m10s pull@10m10s scan@15m10s pull@20m10s pull@25m10s scan@30m10s",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, first := range []string{"scan", "pull"} { // whoever asks first
				synctest.Test(t, func(t *testing.T) {
					l := newTimeline()
					jobs := make([]*periodic.Job, 2)
					if first == "scan" {
						jobs[0], jobs[1] = aliyun(l, c.scanAfter, c.pullAfter)
					} else {
						jobs[1], jobs[0] = aliyun(l, c.scanAfter, c.pullAfter)
					}
					serve(t, 32*time.Minute, jobs...)
					l.want(t, c.want)
				})
			}
		})
	}
}

// The jobs are due together at every turn of a week.
func TestAGateGivesTheSameAnswersEveryTime(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			var scans, pulls int
			scan := &periodic.Job{Interval: 15 * time.Minute, Run: func(context.Context) error { scans++; return nil }}
			pull := &periodic.Job{Interval: 5 * time.Minute, Run: func(context.Context) error { pulls++; return nil }}
			(&periodic.Gate{MinGap: time.Minute}).Join(scan, pull)
			serve(t, 7*24*time.Hour-1, scan, pull)
			if scans != 7*24*4 || pulls != 7*24*8 {
				t.Errorf("%d scans, %d pulls", scans, pulls)
			}
		})
	}
}

// It makes nobody skip or wait, not even if it left in the middle of waiting; its
// last start still counts.
func TestAJobThatIsNotServedHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline()
		scan, pull := aliyun(l, 0, time.Hour)
		at(30*time.Second, pull.Trigger) // too soon after the scan: at 1m, and every 5 from there
		visit := func(d time.Duration) {
			ctx, cancel := context.WithTimeout(t.Context(), d)
			defer cancel()
			_ = scan.Serve(ctx)
		}
		go visit(10 * time.Second)
		// The pull at 11m would skip its turn for the scan of 11m30s.
		at(10*time.Minute, func() { scan.SetInterval(11*time.Minute + 30*time.Second); visit(50 * time.Second) })
		// A scan that waits from 21m10s to 22m for the pull of 21m.
		at(21*time.Minute+10*time.Second, func() { visit(20 * time.Second) })
		serve(t, 32*time.Minute, pull)
		l.want(t, "scan@0s pull@1m pull@6m pull@11m pull@16m pull@21m pull@26m pull@31m")
	})
}

// It waits until the scan is over.
func TestARunThatWasAskedForWaitsAndIsNotSkipped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline()
		scan, pull := aliyun(l, 0, 2*time.Minute)
		at(10*time.Minute, pull.Trigger)                // room: at once
		at(14*time.Minute+10*time.Second, pull.Trigger) // the scan is near: after it
		at(17*time.Minute, scan.Trigger)
		at(17*time.Minute+10*time.Second, pull.Trigger) // too soon after the scan
		at(18*time.Minute+30*time.Second, scan.Trigger) // goes first, and waits all the same
		serve(t, 20*time.Minute, scan, pull)
		l.want(t, "scan@0s pull@2m pull@7m pull@10m scan@15m pull@16m scan@17m pull@18m scan@19m")
	})
}

// Also after the second has skipped.
func TestTheThirdJobMindsTheSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline()
		a, b, c := job(l, "a", 20*time.Minute), job(l, "b", 10*time.Minute), job(l, "c", time.Hour)
		b.InitialDelay = 9*time.Minute + 40*time.Second
		a.InitialDelay = 10 * time.Minute
		c.InitialDelay = 19 * time.Minute
		(&periodic.Gate{MinGap: time.Minute}).Join(a, b, c)
		at(18*time.Minute+50*time.Second, func() { c.SetInterval(5 * time.Minute) })
		serve(t, 30*time.Minute-1, c, b, a)
		// b skips 9m40s and 29m40s for a, c skips 19m and 29m for b.
		l.want(t, "a@10m b@19m40s c@24m")
	})
}

// It was not served for an hour, and is not due in the past: that others ran
// meanwhile is no reason to skip.
func TestAJobIsDueWhenItIsServedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline()
		scan, pull := aliyun(l, 20*time.Minute, 0)
		serve(t, time.Minute, pull)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { _ = scan.Serve(ctx) }()
		time.Sleep(29 * time.Minute)
		serve(t, 4*time.Minute, pull)
		cancel()
		l.want(t, "pull@0s scan@21m pull@30m")
	})
}

func TestARunThatHangsDoesNotHoldOthersUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline()
		scan, pull := aliyun(l, 0, 2*time.Minute)
		taking(29*time.Minute, scan)
		serve(t, 40*time.Minute, scan, pull)
		l.want(t, "scan@0s pull@2m pull@7m pull@12m pull@17m pull@22m pull@27m scan@29m pull@32m pull@37m")
	})
}

// That holds whatever the intervals, durations, triggers, stops and starts of
// however many jobs, and the first one misses no turn.
func TestNoTwoJobsStartWithinMinGap(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 36))
			gap := time.Duration(1+r.IntN(60)) * time.Second
			log := newStarts(t, gap)
			jobs := make([]*periodic.Job, 2+r.IntN(4))
			for i := range jobs {
				jobs[i] = log.job(i, time.Duration(1+r.IntN(900))*time.Second, time.Duration(r.IntN(90))*time.Second)
				jobs[i].InitialDelay = time.Duration(r.IntN(60)) * time.Second
				jobs[i].Jitter = float64(r.IntN(2)) * 0.2
			}
			(&periodic.Gate{MinGap: gap}).Join(jobs...)
			for range 200 {
				j, d, interval := jobs[r.IntN(len(jobs))], time.Duration(r.IntN(86400))*time.Second, time.Duration(1+r.IntN(900))*time.Second
				if r.IntN(2) == 0 {
					at(d, j.Trigger)
				} else {
					at(d, func() { j.SetInterval(interval) })
				}
			}
			for range 4 {
				serve(t, 6*time.Hour, jobs...)
			}
			if log.runs[0] < 24 {
				t.Errorf("seed %d: the first job ran %d times in a day", seed, log.runs[0])
			}
		})
	}
}

// starts checks that no two different jobs start within gap.
type starts struct {
	t    *testing.T
	gap  time.Duration
	mu   sync.Mutex
	last map[int]time.Time
	runs map[int]int
}

func newStarts(t *testing.T, gap time.Duration) *starts {
	return &starts{t: t, gap: gap, last: map[int]time.Time{}, runs: map[int]int{}}
}

func (s *starts) job(i int, interval, takes time.Duration) *periodic.Job {
	return &periodic.Job{Interval: interval, Run: func(ctx context.Context) error {
		s.started(i)
		pause(ctx, takes)
		return nil
	}}
}

func (s *starts) started(i int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, last := range s.last {
		if d := time.Since(last); k != i && d < s.gap {
			s.t.Errorf("job %d starts %v after job %d, less than %v", i, d, k, s.gap)
		}
	}
	s.last[i] = time.Now()
	s.runs[i]++
}
