package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// intervals are what the local configuration says about when things happen, as
// durations like "15m". What is empty stays as it is.
type intervals struct {
	Scan    string `json:"scan"`
	Pull    string `json:"pull"`
	Upgrade string `json:"upgrade"`
	List    string `json:"list"`
}

// loadIntervals reads intervals, a JSON object, into when. The bounds are those for
// the server's: closer together a scan and a pull would leave each other no room. But
// here a mistake is an error, for there is somebody to read it.
func loadIntervals(r io.Reader, when schedule) (schedule, error) {
	var wanted intervals
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(&wanted); err != nil {
		return when, fmt.Errorf("reading intervals: %w", err)
	}
	for _, i := range []struct {
		name, wanted string
		to           *time.Duration
		limits       limits
	}{
		{"scan", wanted.Scan, &when.scan, when.bounds.scan},
		{"pull", wanted.Pull, &when.pull, when.bounds.pull},
		{"upgrade", wanted.Upgrade, &when.upgrade, when.bounds.upgrade},
		{"list", wanted.List, &when.list, when.bounds.list},
	} {
		if i.wanted == "" {
			continue
		}
		d, err := time.ParseDuration(i.wanted)
		if err != nil || d < i.limits.least || d > i.limits.most {
			return when, fmt.Errorf("interval %s is %q, not %v to %v", i.name, i.wanted, i.limits.least, i.limits.most)
		}
		*i.to = d
	}
	return when, nil
}
