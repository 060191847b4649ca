package browsertest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// zoo builds examples/zoo once; -trimpath keeps this machine's paths out of the
// stacks that pictures show.
var zoo = sync.OnceValues(func() (string, error) {
	binary := filepath.Join(browser.dir, "zoo")
	build := exec.Command("go", "build", "-trimpath", "-o", binary, "./examples/zoo")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return binary, nil
})

// startZoo runs the zoo until the test ends and returns the address of its page.
func startZoo(t *testing.T, args ...string) string {
	t.Helper()
	binary, err := zoo()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, append([]string{"-http", "127.0.0.1:0"}, args...)...)
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGKILL) // some of its animals take their time
		_ = cmd.Wait()
	})
	lines := bufio.NewReader(log)
	line, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	_, address, ok := strings.Cut(strings.TrimSpace(line), "listening for=Debug address=")
	if !ok {
		t.Fatalf("the zoo says %q", line)
	}
	go func() { _, _ = io.Copy(os.Stderr, lines) }() // until it is killed
	return "http://" + address + "/debug/tree/"
}

// ask reads an answer of the API.
func ask[T any](t *testing.T, url string) (value T) {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

// service is what the tests want to know of one.
type service struct {
	ID         uint64
	Name       string
	Path       string
	State      string
	Supervisor *struct{ Services []service }
}

// find looks for a service by its path below the root.
func find(in []service, path string) *service {
	for i := range in {
		if strings.HasSuffix(in[i].Path, path) {
			return &in[i]
		}
		if in[i].Supervisor != nil {
			if s := find(in[i].Supervisor.Services, path); s != nil {
				return s
			}
		}
	}
	return nil
}
