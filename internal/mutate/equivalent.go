package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// equivalent is why a change matters to nobody, by the key of the change.
type equivalent map[string]string

// readEquivalent reads lines that each are the key of a change, followed by indented
// lines that say why it is equivalent. Lines that begin with "#" are comments. No file
// is an empty one.
func readEquivalent(name string) (equivalent, error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return equivalent{}, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	known, key := equivalent{}, ""
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := lines.Text()
		switch why, indented := strings.CutPrefix(line, "\t"); {
		case strings.HasPrefix(line, "#"), line == "":
		case indented && key == "":
			return nil, fmt.Errorf("%s: a reason of nothing: %s", name, why)
		case indented:
			known[key] += why + "\n"
		default:
			key = line
		}
		if key != "" && line == key {
			if _, twice := known[key]; twice {
				return nil, fmt.Errorf("%s: twice: %s", name, key)
			}
			known[key] = ""
		}
	}
	for key, why := range known {
		if why == "" {
			return nil, fmt.Errorf("%s: no reason for %s", name, key)
		}
	}
	return known, lines.Err()
}

// stale are the keys of files that are changed, but not so.
func (e equivalent) stale(all []*file) (keys []string) {
	made, files := map[string]bool{}, map[string]bool{}
	for _, f := range all {
		files[filepath.Base(f.name)] = true
		for _, c := range f.changes {
			made[c.key()] = true
		}
	}
	for key := range e {
		if file, _, _ := strings.Cut(key, " "); files[file] && !made[key] {
			keys = append(keys, key)
		}
	}
	return keys
}
