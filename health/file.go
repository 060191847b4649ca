package health

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/tend-go/tend/internal/said"
)

// heartbeatLimit is how much of a heartbeat file is read; a time needs less.
const heartbeatLimit = 64

// maxFuture is how far in the future a heartbeat may be: clocks are rounded, and
// two machines that share a disk never agree.
const maxFuture = 5 * time.Second

// File is a check of a heartbeat file: some program writes the time to path again
// and again, in Unix seconds or as RFC 3339, or only touches the file and leaves it
// empty. The check fails if the time is older than maxAge; if it is more than 5 seconds
// in the future, because such a file would be healthy for ever; and if there is no such
// file, it is a directory, or it holds no time. [WriteBeat] writes such files. If a
// writer does not replace the file in one step, leave the probe's FailureThreshold above
// 1: a half-written time is no time, or an old one.
//
// In a [Prober.Guard] a heartbeat from before the start of the service does not
// count: it is one of the run before.
//
// An empty path or a maxAge that is not positive is the error of every run.
func File(path string, maxAge time.Duration) Check {
	if path == "" || maxAge <= 0 {
		err := prefixed(fmt.Errorf("File check: path is %q, maxAge is %v", path, maxAge))
		return func(context.Context) error { return err }
	}
	return func(ctx context.Context) error {
		beat, err := readBeat(path)
		if err != nil {
			return err
		}
		Detail(ctx, slog.Time("heartbeat", beat))
		now := time.Now()
		return judgeBeat(path, now.Sub(beat), ran(ctx, now), maxAge)
	}
}

// ran is for how long the guarded service has run, if the check that runs under ctx is
// about one; else for ever.
func ran(ctx context.Context, now time.Time) time.Duration {
	if r, ok := ctx.Value(runKey{}).(*run); ok && r.entry.watch != nil {
		return now.Sub(r.entry.since)
	}
	return math.MaxInt64
}

// judgeBeat compares ages and not moments: after the clock was set back, every beat
// would be from before a start that was read off the old one. A beat can be a second
// younger than it says: a file may know whole seconds only.
func judgeBeat(path string, age, ran, maxAge time.Duration) error {
	switch {
	case age < -maxFuture:
		return fmt.Errorf("heartbeat %s is %v in the future", path, -age)
	case age-time.Second >= ran:
		return fmt.Errorf("heartbeat %s is %v old, from before the start %v ago", path, age, ran)
	case age > maxAge:
		return fmt.Errorf("heartbeat %s is %v old, more than %v", path, age, maxAge)
	}
	return nil
}

// readBeat reads the time in a heartbeat file. It opens nothing but regular
// files: a named pipe would block.
func readBeat(path string) (time.Time, error) {
	info, err := os.Stat(path)
	if err != nil {
		return time.Time{}, fmt.Errorf("heartbeat: %w", err)
	}
	if !info.Mode().IsRegular() {
		return time.Time{}, fmt.Errorf("heartbeat %s is no file but %v", path, info.Mode().Type())
	}
	file, err := os.Open(path)
	if err != nil {
		return time.Time{}, fmt.Errorf("heartbeat: %w", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	content, err := io.ReadAll(io.LimitReader(file, heartbeatLimit+1))
	if err != nil {
		return time.Time{}, fmt.Errorf("heartbeat: %w", err)
	}
	text := strings.TrimSpace(string(content))
	if text == "" && len(content) <= heartbeatLimit {
		return info.ModTime(), nil
	}
	beat, ok := parseBeat(text)
	if !ok {
		return time.Time{}, fmt.Errorf("heartbeat %s says %q, which is no time", path, said.Clean(text, heartbeatLimit))
	}
	return beat, nil
}

// maxUnix is the last second of year 9999, where RFC 3339 ends too.
const maxUnix = 253402300799

func parseBeat(text string) (time.Time, bool) {
	if s, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.Unix(s, 0), 0 <= s && s <= maxUnix
	}
	t, err := time.Parse(time.RFC3339, text)
	return t, err == nil
}

// WriteBeat writes the time t, in Unix seconds, to the heartbeat file path. It
// writes another file beside it first and renames that, so that a reader sees the old
// or the new time, never half of one or, on a full disk, none. After an error
// the old file is as it was and the other one is gone.
func WriteBeat(path string, t time.Time) error {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return prefixed(fmt.Errorf("WriteBeat: %w", err))
	}
	_, err = fmt.Fprintln(file, t.Unix())
	err = errors.Join(err, file.Chmod(beatMode), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return prefixed(fmt.Errorf("WriteBeat: %w", errors.Join(err, os.Remove(file.Name()))))
	}
	return nil
}

// beatMode lets the programs of other users read the file.
const beatMode fs.FileMode = 0o644
