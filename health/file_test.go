package health_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/health"
)

func TestAHeartbeatFileMayHoldAnything(t *testing.T) {
	bubble(t, func(t *testing.T) {
		dir := t.TempDir()
		now := time.Now() // 2000-01-01 in a bubble
		unix := func(d time.Duration) string { return now.Add(d).Format(time.RFC3339) }
		for name, c := range map[string]struct {
			content string
			want    string
		}{
			"fresh":       {"946684800\n", ""},
			"rfc3339":     {unix(-59 * time.Second), ""},
			"old":         {unix(-61 * time.Second), "is 1m1s old, more than 1m0s"},
			"half":        {"94668", "old, more than 1m0s"},
			"half rfc":    {"2000-01-01T00:", `says "2000-01-01T00:", which is no time`},
			"ahead":       {unix(4 * time.Second), ""},
			"future":      {unix(time.Hour), "is 1h0m0s in the future"},
			"far future":  {"253402300799", "in the future"},
			"farther":     {"253402300800", "which is no time"},
			"garbage":     {"\x00\xff beat \x1b[1m", `which is no time`},
			"negative":    {"-5", "which is no time"},
			"endless":     {strings.Repeat("9", 1<<20), `which is no time`},
			"blanks":      {strings.Repeat(" ", 1<<10), `says "", which is no time`},
			"empty touch": {"", ""},
			"empty old":   {"", "is 2m0s old, more than 1m0s"},
		} {
			path := filepath.Join(dir, name)
			if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
				t.Fatal(err)
			}
			touched := now
			if name == "empty old" {
				touched = now.Add(-2 * time.Minute)
			}
			if err := os.Chtimes(path, touched, touched); err != nil {
				t.Fatal(err)
			}
			err := health.File(path, time.Minute)(t.Context())
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: got %v, want %q", name, err, c.want)
			}
		}
		for path, want := range map[string]string{
			filepath.Join(dir, "missing"): "no such file",
			dir:                           "is no file but d---------",
			"":                            `path is "", maxAge is 1m0s`,
		} {
			if err := health.File(path, time.Minute)(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: got %v, want %q", path, err, want)
			}
		}
		if err := health.File("f", -time.Second)(t.Context()); err == nil || !strings.Contains(err.Error(), "maxAge is -1s") {
			t.Errorf("a negative age: %v", err)
		}
	})
}

// Without a Guard it does: a program that began before us may well be healthy.
func TestABeatFromBeforeTheStartDoesNotCountInAGuard(t *testing.T) {
	bubble(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "beat")
		if err := health.WriteBeat(path, time.Now()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		prober := newProber(t, health.Config{})
		add(t, prober, health.Probe{Name: "other", Check: health.File(path, time.Minute)})
		l := newLog()
		root(t, l, prober, guarded(t, prober, "g", tend.Func("", func(ctx context.Context) error {
			time.Sleep(3 * time.Second)
			if err := health.WriteBeat(path, time.Now()); err != nil {
				t.Error(err)
			}
			return obey(ctx)
		}), health.Probe{Name: "beat", Check: health.File(path, time.Minute)}))
		synctest.Wait()
		if p := status(t, prober, "g:beat"); p.Output != "heartbeat "+path+" is 5s old, from before the start 0s ago" {
			t.Error(p.Output)
		}
		if p := status(t, prober, "other"); p.State != health.Healthy {
			t.Error(p.Output)
		}
		time.Sleep(11 * time.Second)
		if p := status(t, prober, "g:beat"); p.State != health.Healthy {
			t.Error(p.Output)
		}
	})
}

// Whatever happens.
func TestWriteBeatIsOneStepAndLeavesNothingBeside(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "beat")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 50 {
				if err := health.WriteBeat(path, time.Now()); err != nil {
					t.Error(err)
				}
				if err := health.File(path, time.Hour)(t.Context()); err != nil {
					t.Errorf("half a beat: %v", err)
				}
			}
		})
	}
	all.Wait()
	if err := os.Mkdir(filepath.Join(dir, "is a directory"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{filepath.Join(dir, "is a directory"), filepath.Join(dir, "no", "beat")} {
		if err := health.WriteBeat(bad, time.Now()); err == nil || !strings.Contains(err.Error(), "tend/health: WriteBeat") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("left: %v, %v", entries, err)
	}
	if full := "/dev/full"; exists(full) { // a disk with no room
		link := filepath.Join(dir, "full")
		if err := os.Symlink(full, link); err != nil {
			t.Fatal(err)
		}
		if err := health.File(link, time.Hour)(t.Context()); err == nil || !strings.Contains(err.Error(), "is no file but") {
			t.Errorf("a device: %v", err)
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
