package observe

import (
	"fmt"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/tend-go/tend/internal/said"
)

// answerFound writes what a search has found for people at a terminal: a line for each
// service, below its supervisors, and how many there are.
func answerFound(w http.ResponseWriter, found reply) {
	to := begin(w, "text/plain; charset=utf-8")
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "service\tstate\tfor\trestarts\tlast failure")
	now, depths := time.UnixMilli(found.At), map[uint64]int{}
	for i := range found.Rows {
		r := &found.Rows[i]
		if i > 0 && r.ID != 0 { // the supervisors above come first, and the root above all
			depths[r.ID] = depths[r.Parent] + 1
		}
		fmt.Fprintf(table, "%s%s\t%s\t%s\t%d\t%s\n", strings.Repeat("  ", depths[r.ID]), said.Clean(r.Name, maxName),
			stateNames[r.State], said.Age(now.Sub(time.Unix(r.Since, 0))), r.Restarts, said.Clean(r.Error, maxText))
	}
	_ = table.Flush() // whoever does not read it does not want it
	if found.Total > maxFound {
		fmt.Fprintf(to, "%d found, of which these are %d\n", found.Total, maxFound)
		return
	}
	fmt.Fprintf(to, "%d found\n", found.Total)
}
