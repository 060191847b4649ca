package browsertest

import (
	"strings"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
)

// listen notes what the tab does.
func (b *tab) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.URL)
	case *runtime.EventExceptionThrown:
		b.problems = append(b.problems, e.ExceptionDetails.Error())
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.APITypeError {
			b.problems = append(b.problems, "console.error")
		}
	}
}

// foreign are the requests that went anywhere but to one of the origins.
func (b *tab) foreign(origins ...string) (urls []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
next:
	for _, url := range b.requests {
		for _, o := range append(origins, "data:", "about:") {
			if strings.HasPrefix(url, o) {
				continue next
			}
		}
		urls = append(urls, url)
	}
	return urls
}

// trouble is what went wrong in the page's script.
func (b *tab) trouble() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string{}, b.problems...)
}
