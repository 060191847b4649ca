package actor

// WatchersOf is how many watch a key.
func WatchersOf[K comparable, M any](g *Group[K, M], key K) int {
	s := g.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.watchers[key])
}
