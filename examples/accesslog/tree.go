package main

import (
	"fmt"
	"time"

	"github.com/tend-go/tend"
)

// parsers is how many lines are parsed at once.
const parsers = 4

// job is the tree and the parts of it that main talks to.
type job struct {
	root  *tend.Supervisor
	store *store
}

// newJob builds the tree. It is started in the order in which it is written
// here, and stopped in reverse: first nobody asks any more, then nothing is
// read, and the store goes last.
//
//	accesslog       ordered
//	├─ store
//	├─ pipeline     rest for one
//	│  ├─ reader
//	│  ├─ parsers   one for one
//	│  │  ├─ parser-1 … parser-4
//	│  └─ aggregator
//	└─ http
//
// What the tree cannot mend by restarting ends the program: a pipeline that
// fails too often escalates to the root, and a root that does to main.
func newJob(log source, follow bool, parse func(string) entry, listen listen) job {
	root := tend.New("accesslog", tend.Spec{
		Ordered:    true,
		Escalate:   true,
		Timeout:    5 * time.Second,
		StopWithin: 10 * time.Second,
	})
	s := newStore()
	root.Add(tend.Child{Service: s, Name: "store"})
	root.Add(newPipeline(&reader{log: log, follow: follow, store: s}, parse))
	root.Add(newWeb(listen, s, root))
	return job{root, s}
}

// newPipeline is the group that brings the lines of the reader's log into its
// store.
//
// Between its services stand two queues. They and what the services keep in
// their fields outlive every restart, so nothing is lost with an incarnation:
// each line is at any moment in exactly one place, and only the store, which
// knows the lines that it has, may see one twice.
func newPipeline(r *reader, parse func(string) entry) *tend.Supervisor {
	r.lines = newQueue[line](64, parsers)
	results := newQueue[result](64, 1)

	pool := tend.New("parsers", tend.Spec{})
	for n := range parsers {
		pool.Add(tend.Child{
			Service: &parser{parse, r.lines, results},
			Name:    fmt.Sprintf("parser-%d", n+1),
			// That a parser crashes is expected here, so it has a budget of its own:
			// under the supervisor's, the sixth malformed line would pause the pool
			// for 15 s. There is no Limit because a crash loop makes progress: each
			// crash is a strike, and two set the line aside. The delays only keep a
			// file that is no access log at all from being a busy loop; a second of
			// good lines forgets them.
			Backoff: tend.Backoff{Min: 10 * time.Millisecond, Max: 100 * time.Millisecond, Reset: time.Second},
		})
	}

	group := tend.New("pipeline", tend.Spec{Strategy: tend.RestForOne, Escalate: true})
	group.Add(tend.Child{Service: r, Name: "reader", Restart: tend.Transient}) // done at the end of the log
	group.Add(pool)
	group.Add(tend.Child{Service: &aggregator{results, r.store}, Name: "aggregator"})
	return group
}
