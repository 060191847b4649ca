package observe

import "iter"

// journal is a ring of the last entries.
type journal struct {
	entries []entry
	next    int // where the next goes; once the ring is full, the oldest
}

func newJournal(size int) journal { return journal{entries: make([]entry, 0, size)} }

func (j *journal) add(e entry) {
	if len(j.entries) < cap(j.entries) {
		j.entries = append(j.entries, e)
		return
	}
	j.entries[j.next] = e
	j.next = (j.next + 1) % len(j.entries)
}

// newest yields the entries, newest first.
func (j *journal) newest() iter.Seq[entry] {
	return func(yield func(entry) bool) {
		n := len(j.entries)
		for i := range n {
			if !yield(j.entries[(j.next-1-i+2*n)%n]) {
				return
			}
		}
	}
}

// lines returns up to n entries, newest first, without the newest skip ones and
// without stacks, which not everybody wants.
func (j *journal) lines(skip, n int) []entry {
	found := []entry{}
	for e := range j.newest() {
		if skip--; skip >= 0 {
			continue
		}
		if len(found) == n {
			break
		}
		e.Stacks = ""
		found = append(found, e)
	}
	return found
}

// about returns up to n entries about the service id or the supervisor with the
// given path, newest first.
func (j *journal) about(id uint64, path string, n int) []entry {
	found := []entry{}
	for e := range j.newest() {
		if len(found) < n && (e.ID == id && id != 0 || e.ID == 0 && e.Path == path) {
			found = append(found, e)
		}
	}
	return found
}
