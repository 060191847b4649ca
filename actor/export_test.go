package actor

// WatchersOf is how many watch a key.
func WatchersOf[K comparable, M any](g *Group[K, M], key K) int {
	s := g.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.watchers[key])
}

// SubscribersOf is how many subscribe to a topic.
func SubscribersOf[T any](t *Topic[T]) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.subs)
}
