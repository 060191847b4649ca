package tendtest

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The flag has a name of its own, because two packages that define "update" cannot be in one
// test.
var update = flag.Bool("tendtest.update", false, "have the files of tendtest's tapes say what happens now")

// isUpdate: files are to be written: the test was called with -tendtest.update, or with an
// -update that its own package has.
func isUpdate() bool {
	if *update {
		return true
	}
	own := flag.Lookup("update")
	return own != nil && own.Value.String() == "true"
}

// WantFile fails the test unless the lines since the last call are those of a file, such as
// "testdata/boot.tape". With the flag -tendtest.update, or -update if the package under test
// has one, the file is written instead: read what has changed in it.
func (p *Tape) WantFile(path string) {
	p.t.Helper()
	got := strings.Join(p.Lines(), "\n") + "\n"
	if isUpdate() {
		p.write(path, got)
		return
	}
	want, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		p.t.Errorf("there is no %s yet: -tendtest.update writes it; events are\n%s", path, got)
	case err != nil:
		p.t.Error(err)
	case got != strings.ReplaceAll(string(want), "\r\n", "\n"):
		p.t.Errorf("%s: events are\n%swant\n%s(if they are right, -tendtest.update writes them)", path, got, want)
	}
}

func (p *Tape) write(path, text string) {
	p.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		p.t.Error(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		p.t.Error(err)
	}
}
