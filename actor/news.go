package actor

import (
	"context"
	"slices"
)

// news is what has become of a member that was to be made.
type news struct {
	err  error // of New
	gone bool  // it has not been called; err says why
}

// newsIn is the wait for news in a channel.
type newsIn chan news

func (c newsIn) IsOver() bool { return len(c) > 0 }

// tellNews tells those who wait for it. The caller holds mu.
func (b *box[M]) tellNews(n news) {
	if b.rare == nil {
		return
	}
	for _, c := range b.news {
		c <- n
	}
	b.news = nil
}

// awaitNews waits until New has returned. It may be that c gets the news already.
func (a *Actor[M]) awaitNews(ctx context.Context, c chan news) news {
	if n, is := a.listen(c); is {
		return n
	}
	over, err := waitFor(ctx, a, newsIn(c))
	if err != nil {
		a.unlisten(c)
		return news{err: err}
	}
	defer over.end()
	select {
	case n := <-c:
		return n
	case <-ctx.Done():
		a.unlisten(c)
		return news{err: context.Cause(ctx)}
	}
}

// listen has c get the news, if there are none yet.
func (a *Actor[M]) listen(c chan news) (n news, is bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case len(c) > 0:
		return <-c, true
	case a.is(closed):
		return news{a.gone(), true}, true
	case a.handler != nil:
		return news{}, true
	}
	if b := a.open().whole(); !slices.Contains(b.news, c) {
		b.news = append(b.news, c)
	}
	return news{}, false
}

func (a *Actor[M]) unlisten(c chan news) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.box != nil && a.box.rare != nil {
		a.box.news = without(a.box.news, c)
	}
}
