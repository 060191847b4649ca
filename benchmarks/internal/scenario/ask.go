package scenario

import (
	"context"
	"slices"
	"time"

	"github.com/tend-go/tend/benchmarks/internal/peer"
)

// ask is questions to one actor that answers at once.
var ask = Scenario{
	Name: "ask", Title: "asking one actor that answers at once", SizeIs: "callers",
	Needs: []peer.Ability{peer.Act},
	Full:  []int{1, 64}, Short: []int{1, 64}, Smoke: []int{1, 64},
	Metrics: []Metric{
		{Name: "ask", Title: "questions that all callers have answered, each", Unit: Nanoseconds},
		{Name: "ask-p50", Title: "ask and wait for the answer, p50", Unit: Nanoseconds},
		{Name: "inline", Title: "questions that are answered on the asking goroutine, each", Unit: Nanoseconds, Needs: peer.Inline},
		{Name: "inline-p50", Title: "ask and answer on the asking goroutine, p50", Unit: Nanoseconds, Needs: peer.Inline},
	},
	run: func(p peer.Peer, callers int, out Results) {
		config := peer.ActorConfig{Actors: 1, Mailbox: someMessages}
		out["ask"], out["ask-p50"] = answered(p, config, callers)
		if p.Cannot(peer.Inline) == "" {
			config.Inline = true
			out["inline"], out["inline-p50"] = answered(p, config, callers)
		}
	},
}

// answered is what a question costs that one of the callers asks, all taken together,
// and how long half of them take.
func answered(p peer.Peer, config peer.ActorConfig, callers int) (mean, p50 Cost) {
	all, w := p.Actors(config), &answerer{}
	all.Add(0, w)
	askAll(all, 0, questions) // warm
	took := make([][]float64, callers)
	n := messages / 4 / callers
	mean = each(n*callers, func() {
		parallel(callers, callers, func(i int) { took[i] = askAll(all, 0, n) })
	})
	all.Stop()
	check("questions", int64(w.n), int64(questions+n*callers))
	return mean, middle(slices.Concat(took...))
}

// questions is how many are asked one after the other for one look at the clock, which
// costs as much as some answers.
const questions = 50

// askAll asks number i so many times and returns how long one took, each a mean of a few.
func askAll(all peer.Actors, i, n int) []float64 {
	took := make([]float64, 0, n/questions)
	for m := 0; m < n; {
		few, began := min(questions, n-m), time.Now()
		for range few {
			check("the answer", int64(all.Ask(context.Background(), i, m)), int64(m+1))
			m++
		}
		took = append(took, float64(time.Since(began))/float64(few))
	}
	return took
}

// middle is the median of what took so long.
func middle(took []float64) Cost {
	slices.Sort(took)
	return Cost{Value: took[len(took)/2]}
}

// answerer is one actor that answers with the next number, and counts.
type answerer struct{ n int }

func (w *answerer) Begin() {}

func (w *answerer) Handle(_ context.Context, m int) int {
	w.n++
	return m + 1
}
