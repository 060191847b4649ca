package app

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The newest files of last words are kept, and as many without, which may be those of
// programs that run; others' are left alone.
func TestLastWordsPruned(t *testing.T) {
	b, log := newBundler(t, "shop")
	write := func(name, words string) {
		if err := os.WriteFile(filepath.Join(b.dir, name), []byte(words), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var want []string
	for i := range 15 {
		full := fmt.Sprintf("shop-crash-202001%02dT000000.000000Z.txt", i+1)
		empty := fmt.Sprintf("shop-crash-202001%02dT000001.000000Z.txt", i+1)
		write(full, "panic: ouch")
		write(empty, "")
		if i >= 5 {
			want = append(want, full, empty)
		}
	}
	write("shop-crash-notes.txt", "")
	write("shop2-crash-20200101T000000.000000Z.txt", "")
	b.listen(t.Context())
	if log.String() != "" {
		t.Error(log)
	}
	found := names(t, b.dir)
	own := filepath.Base(b.words)
	want = append(want, own, "shop-crash-notes.txt", "shop2-crash-20200101T000000.000000Z.txt")
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	b.silence()
	if _, err := os.Stat(b.words); !os.IsNotExist(err) {
		t.Errorf("its own is still there: %v", err)
	}
}

func TestLastWordsFail(t *testing.T) {
	b, log := newBundler(t, "shop")
	if err := os.RemoveAll(b.dir); err != nil {
		t.Fatal(err)
	}
	b.listen(t.Context())
	contains(t, log.String(), `level=WARN msg="last words will not be kept" error=`)
	b.silence()
}
