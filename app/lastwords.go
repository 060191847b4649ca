package app

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
)

// emptyKept is how many files without words are kept: those of programs of the same
// name that run now, and of some that were killed.
const emptyKept = 10

// listen has the runtime write its last words into a file as well: those of a panic
// that no service has made, of a fatal error, of SIGQUIT. The file has to be there
// before. That it cannot be made is no reason not to run.
func (b *bundler) listen(ctx context.Context) {
	path := filepath.Join(b.dir, b.prefix()+stamp()+".txt")
	old, err := b.pruneWords(), setCrashOutput(path)
	if err == nil {
		b.words = path
	}
	if err := errors.Join(old, err); err != nil {
		b.log.LogAttrs(ctx, slog.LevelWarn, "last words will not be kept", slog.Any("error", err))
	}
}

func setCrashOutput(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close() // the runtime has a copy
	return debug.SetCrashOutput(f, debug.CrashOptions{})
}

// silence ends that, if it has begun: otherwise a file that the program has set is still in
// use. There is nothing in ours: who has last words does not get here.
func (b *bundler) silence() {
	if b.words == "" {
		return
	}
	_ = debug.SetCrashOutput(nil, debug.CrashOptions{})
	if info, err := os.Stat(b.words); err == nil && info.Size() == 0 {
		_ = os.Remove(b.words)
	}
}

// pruneWords removes the last words of all runs but the newest ones.
func (b *bundler) pruneWords() error {
	paths, _ := fs.Glob(os.DirFS(b.dir), b.prefix()+"[0-9]*T[0-9]*Z.txt") // the pattern is good
	var empty, full []string
	for _, name := range b.oldestFirst(paths) {
		path := filepath.Join(b.dir, name)
		switch info, err := os.Stat(path); {
		case err != nil: // another program has removed it
		case info.Size() == 0:
			empty = append(empty, path)
		default:
			full = append(full, path)
		}
	}
	return errors.Join(removeOldest(empty, emptyKept), removeOldest(full, bundlesKept))
}

// removeOldest removes all but the last of paths.
func removeOldest(paths []string, keep int) error {
	var errs []error
	for len(paths) > keep {
		errs = append(errs, os.RemoveAll(paths[0]))
		paths = paths[1:]
	}
	return errors.Join(errs...)
}
