package recipes

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestGuide: docs/cluster.md shows what is compiled and run here and in the example.
func TestGuide(t *testing.T) {
	guide, err := os.ReadFile("../../../docs/cluster.md")
	if err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob("*.go")
	more, _ := filepath.Glob("../*.go")
	var own strings.Builder
	counters, _ := filepath.Glob("../counters/*.go")
	for _, name := range slices.Concat(files, more, counters) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		own.Write(text)
	}
	pieces := regexp.MustCompile("(?s)```(?:go|sql)\n(.*?)```").FindAllStringSubmatch(string(guide), -1)
	if len(pieces) < 8 {
		t.Errorf("there are %d pieces", len(pieces))
	}
	for _, p := range pieces {
		if !strings.Contains(own.String(), p[1]) {
			t.Errorf("this is in the guide only:\n%s", p[1])
		}
	}
}

// What the guide links to in this repository is there.
func TestGuideLinks(t *testing.T) {
	guide, err := os.ReadFile("../../../docs/cluster.md")
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile("(?s)```.*?```").ReplaceAllString(string(guide), "")
	for _, m := range regexp.MustCompile(`\]\(([^)#]+)(?:#[^)]*)?\)`).FindAllStringSubmatch(text, -1) {
		if strings.HasPrefix(m[1], "http") {
			continue
		}
		if _, err := os.Stat(filepath.Join("../../../docs", m[1])); err != nil {
			t.Error(err)
		}
	}
}
