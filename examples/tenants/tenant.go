package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/tend-go/tend"
)

// settings are how a tenant is configured. They can be compared: a tenant is replaced when
// they are others.
type settings struct {
	every time.Duration
	text  string
}

// parse reads a file: on each line a name, how often, and a text. Empty lines and those that
// begin with # are none.
func parse(data []byte) (map[string]settings, error) {
	all := map[string]settings{}
	lines := bufio.NewScanner(bytes.NewReader(data))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		name, rest, _ := strings.Cut(line, " ")
		length, text, _ := strings.Cut(strings.TrimSpace(rest), " ")
		every, err := time.ParseDuration(length)
		switch _, twice := all[name]; {
		case err != nil:
			return nil, fmt.Errorf("line %d: %w", n, err)
		case every < time.Millisecond:
			return nil, fmt.Errorf("line %d: %v is too often", n, every)
		case twice:
			return nil, fmt.Errorf("line %d: %s is there twice", n, name)
		}
		all[name] = settings{every, strings.TrimSpace(text)}
	}
	return all, lines.Err()
}

// newTenant says its text again and again. One whose text is "panic" does that instead.
func newTenant(name string, s settings, out io.Writer) tend.Service {
	return tend.Func(name, func(ctx context.Context) error {
		ticks := time.NewTicker(s.every)
		defer ticks.Stop()
		for {
			select {
			case <-ticks.C:
				if s.text == "panic" {
					panic(name + " has nothing to say")
				}
				fmt.Fprintf(out, "%s: %s\n", name, s.text)
			case <-ctx.Done():
				return nil
			}
		}
	})
}
