package app

import (
	"context"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/asked"
	"github.com/tend-go/tend/internal/said"
)

// checkAge is how old an answer of /livez or /readyz may be, from the moment when the
// tree was asked: anybody may ask at any rate, and looking at 10,000 services takes
// milliseconds.
const checkAge = time.Second

// question is what requests ask of the tree. All who ask at once get one answer.
type question func(ctx context.Context) answer

// answer is a text, which holds nothing of the tree and runs no user code.
type answer struct {
	text string
	ok   bool
}

// newQuestion asks check of the tree: "ok", or why not. An answer is good for so long.
func newQuestion(tree *asked.Question[tend.Status], age time.Duration, check func(tend.Status) error) question {
	return ask(&asked.Question[answer]{Age: age, Ask: func() answer {
		s, err := tree.Answer(context.Background())
		if err == nil {
			err = try(func() error { return check(s) })
		}
		if err != nil {
			return answer{text: said.Text(err)}
		}
		return answer{"ok", true}
	}})
}

// newTextQuestion asks how the tree looks as text.
func newTextQuestion(tree *asked.Question[tend.Status]) question {
	return ask(&asked.Question[answer]{Ask: func() answer {
		s, err := tree.Answer(context.Background())
		if err != nil {
			return answer{text: said.Text(err)}
		}
		return answer{s.String(), true}
	}})
}

func ask(q *asked.Question[answer]) question {
	return func(ctx context.Context) answer {
		a, err := q.Answer(ctx)
		if err != nil {
			return answer{text: said.Text(err)}
		}
		return a
	}
}
