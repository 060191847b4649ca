package report

import (
	"bufio"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/tend-go/tend/benchmarks/internal/peer"
)

// Machine is where it was measured.
type Machine struct {
	CPU, Memory, System, Go string
	Processors              int
	// What else was running: the load average of a minute, before and after.
	LoadBefore, LoadAfter string
}

// thisMachine finds out what can be found out; on some systems that is little.
func thisMachine() Machine {
	return Machine{
		CPU:        field("/proc/cpuinfo", "model name"),
		Memory:     field("/proc/meminfo", "MemTotal"),
		System:     strings.TrimSpace(runtime.GOOS + "/" + runtime.GOARCH + " " + content("/proc/sys/kernel/osrelease")),
		Go:         runtime.Version(),
		Processors: runtime.GOMAXPROCS(0),
		LoadBefore: load(),
	}
}

// field is the value of the first line "name: value" of a file, "unknown" if
// there is none.
func field(file, name string) string {
	f, err := os.Open(file) //nolint:gosec // a constant
	if err != nil {
		return "unknown"
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), ":")
		if strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

func content(file string) string {
	text, err := os.ReadFile(file) //nolint:gosec // a constant
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

func load() string {
	first, _, _ := strings.Cut(content("/proc/loadavg"), " ")
	return first
}

// version is which one of a peer this program is built with. Of tend, which is
// built from the tree around it, it is the commit.
func version(p peer.Peer) string {
	switch p.Module() {
	case "":
		return runtime.Version()
	case "github.com/tend-go/tend":
		commit, err := exec.Command("git", "describe", "--always", "--dirty", "--exclude=*").Output() //nolint:noctx // it is short
		if err != nil {
			return "of this tree"
		}
		return "commit " + strings.TrimSpace(string(commit))
	}
	info, _ := debug.ReadBuildInfo()
	for _, m := range info.Deps {
		if m.Path == p.Module() {
			return m.Version
		}
	}
	return "unknown"
}
