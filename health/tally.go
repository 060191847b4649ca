package health

// weight is how much a probe counts for the whole.
type weight uint8

const (
	required weight = iota
	attended        // by a Guard, which restarts the service: the program is alive all the while
	optional
)

func (e *entry) weight() weight {
	switch {
	case e.Optional:
		return optional
	case e.watch != nil:
		return attended
	}
	return required
}

// tally counts probes by what matters to a report, so that the answer to "is all
// well?" costs the same for ten probes and for ten thousand.
type tally [Startup + 1][optional + 1][Unhealthy + 1]int

// count adds n for the probe as it is now.
func (t *tally) count(e *entry, n int) { t[e.Kind][e.weight()][e.verdict.state] += n }

// grade is the worst grade of the probes that matter to a report of that kind.
func (t *tally) grade(about Kind) Grade {
	worst := GradePass
	for k := range t {
		for w := range t[k] {
			for s, n := range t[k][w] {
				if n > 0 && about.covers(Kind(k)) {
					worst = max(worst, about.whole(State(s), weight(w)))
				}
			}
		}
	}
	return worst
}
