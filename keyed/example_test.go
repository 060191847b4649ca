package keyed_test

import (
	"context"
	"fmt"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/keyed"
)

// feed is a service with a configuration that can be compared.
type feed struct{ name, url string }

func (f feed) Serve(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// A service for each feed of somebody, as they are subscribed to and cancelled.
func Example() {
	feeds := keyed.New[string]("feeds", keyed.Spec{})
	root := tend.New("app", tend.Spec{EventHook: func(tend.Event) {}})
	root.Add(feeds)
	root.ServeBackground(context.Background())
	defer root.Stop()

	_ = feeds.Put("news", feed{"news", "https://example.com/news"})
	_ = feeds.Put("blog", feed{"blog", "https://example.com/blog"})
	_ = feeds.Put("blog", feed{"blog", "https://example.com/new-blog"}) // when the old one has returned
	feeds.Remove("news")
	for key, svc := range feeds.All() {
		fmt.Println(key, svc.(feed).url)
	}
	// Output:
	// blog https://example.com/new-blog
}

// Which feeds there are to be is read from a database, again and again.
func ExampleReconcile() {
	feeds := keyed.New[string]("feeds", keyed.Spec{})
	for _, want := range []map[string]string{ // the configuration of a feed is its address
		{"news": "https://example.com/news"},
		{"news": "https://example.com/news", "blog": "https://example.com/blog"},
		{"news": "https://example.com/new-news"},
	} {
		did := keyed.Reconcile(feeds, want, func(name, url string) tend.Service { return feed{name, url} })
		fmt.Println("added", did.Added, "replaced", did.Replaced, "removed", did.Removed)
	}
	// Output:
	// added [news] replaced [] removed []
	// added [blog] replaced [] removed []
	// added [] replaced [news] removed [blog]
}
