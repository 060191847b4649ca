package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/tend-go/tend/benchmarks/internal/peer"
	"github.com/tend-go/tend/benchmarks/internal/scenario"
)

// WriteNumbers writes the run as JSON, for [ReadNumbers]. Each series is a line, in
// the order of the page: a diff of two runs has a line for each thing whose cost
// has changed, and lines stay where they are whatever was measured first.
func (r *Run) WriteNumbers(w io.Writer) error {
	head := *r
	head.Series = nil
	text, err := json.MarshalIndent(head, "", "\t")
	if err != nil {
		return err
	}
	b := bytes.NewBuffer(bytes.TrimSuffix(text, []byte("\n}")))
	b.WriteString(",\n\t\"Series\": [")
	separator := ""
	for _, s := range r.sorted() {
		line, err := json.Marshal(s)
		if err != nil {
			return err
		}
		fmt.Fprintf(b, "%s\n\t\t%s", separator, line)
		separator = ","
	}
	b.WriteString("\n\t]\n}\n")
	_, err = b.WriteTo(w)
	return err
}

// ReadNumbers reads what [Run.WriteNumbers] has written. The run can be reported;
// it has no samples to which others could be added.
func ReadNumbers(from io.Reader) (*Run, error) {
	var r Run
	d := json.NewDecoder(from)
	d.DisallowUnknownFields() // numbers in another form would be read as zeroes
	if err := d.Decode(&r); err != nil {
		return nil, fmt.Errorf("numbers of a run: %w", err)
	}
	return &r, nil
}

// sorted are the series in the order of the page.
func (r *Run) sorted() []*Series {
	return slices.SortedStableFunc(slices.Values(r.Series), func(a, b *Series) int {
		return slices.Compare(a.place(), b.place())
	})
}

// place is where on the page k is. What this program does not know comes first.
func (k Key) place() []int {
	place := []int{-1, -1, k.N, -1}
	for i, s := range scenario.All() {
		if s.Name == k.Scenario {
			place[0] = i
			place[1] = slices.IndexFunc(s.Metrics, func(m scenario.Metric) bool { return m.Name == k.Metric })
		}
	}
	place[3] = slices.IndexFunc(peer.All(), func(p peer.Peer) bool { return p.Name() == k.Peer })
	return place
}
