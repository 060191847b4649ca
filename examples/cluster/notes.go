package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/tend-go/tend/cluster"
)

// A note is something that happened, one line of a file, as clustertest.Check reads it.
type note struct {
	At      time.Duration `json:"at"`
	What    string        `json:"what"` // start, stop, act, pause, resume, dead
	Process string        `json:"process"`
	Shard   string        `json:"shard,omitempty"`
	Token   int64         `json:"token,omitempty"`
	Taken   bool          `json:"taken,omitempty"`
}

// notes are what one process has noted. Each is one write, so that a kill loses none.
type notes struct{ file *os.File }

func openNotes(dir, name string) (*notes, error) {
	file, err := os.OpenFile(filepath.Join(dir, name+".jsonl"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	return &notes{file}, err
}

// put notes something, now. It panics if it cannot: a history with holes proves nothing.
func (n *notes) put(what note) {
	what.At = now()
	line, err := json.Marshal(what)
	if err == nil {
		_, err = n.file.Write(append(line, '\n'))
	}
	if err != nil {
		panic("cluster: cannot note what happens: " + err.Error())
	}
}

// witness notes when a service that is owned runs.
func (n *notes) witness(ctx context.Context, serve func(ctx context.Context) error) error {
	c, _ := cluster.ClaimOf(ctx)
	about := note{Process: processName(c.Owner.Name, os.Getpid()), Shard: shardName(c), Token: c.Token}
	about.What = "start"
	n.put(about)
	defer func() {
		about.What = "stop"
		n.put(about)
	}()
	return serve(ctx)
}

// processName tells the runs of a node apart.
func processName(node string, pid int) string { return fmt.Sprintf("%s.%d", node, pid) }

// shardName is how notes, and the vault, call a shard: "accounts/17".
func shardName(c cluster.Claim) string { return fmt.Sprintf("%s/%d", c.Role, c.Shard) }
