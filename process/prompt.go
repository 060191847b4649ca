package process

import (
	"sync"
	"time"
)

// promptPause is how long nothing must come after the beginning of a line until that
// is taken for a prompt: a program that writes it in pieces does so at once.
const promptPause = 100 * time.Millisecond

// prompt sees the beginning of a line that does not go on: that is how a program asks
// for input.
type prompt struct {
	found func(text string)

	mu    sync.Mutex
	text  string
	timer *time.Timer // nil: there was nothing yet
}

// saw: this much of a line has come so far; empty: it has ended.
func (p *prompt) saw(line []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.text = string(line)
	switch {
	case len(line) == 0:
		p.stop()
	case p.timer == nil:
		p.timer = time.AfterFunc(promptPause, p.quiet)
	default:
		p.timer.Reset(promptPause)
	}
}

// quiet: nothing has come for a while.
func (p *prompt) quiet() {
	p.mu.Lock()
	text := p.text
	p.mu.Unlock()
	if text != "" {
		p.found(text)
	}
}

// close ends the waiting.
func (p *prompt) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.text = ""
	p.stop()
}

func (p *prompt) stop() {
	if p.timer != nil {
		p.timer.Stop()
	}
}
