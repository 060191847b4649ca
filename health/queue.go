package health

import "time"

// fifo is a queue. It is no ring: the room of what was taken is used again once half
// of it is taken.
type fifo struct {
	entries []*entry
	taken   int
}

func (q *fifo) len() int { return len(q.entries) - q.taken }

func (q *fifo) push(e *entry) { q.entries = append(q.entries, e) }

// pop returns nil if there is none.
func (q *fifo) pop() *entry {
	if q.len() == 0 {
		return nil
	}
	e := q.entries[q.taken]
	q.entries[q.taken] = nil
	q.taken++
	if 2*q.taken >= len(q.entries) {
		n := copy(q.entries, q.entries[q.taken:])
		clear(q.entries[n:])
		q.entries, q.taken = q.entries[:n], 0
	}
	return e
}

// keep drops the entries that are not wanted.
func (q *fifo) keep(wanted func(*entry) bool) {
	n := 0
	for _, e := range q.entries[q.taken:] {
		if wanted(e) {
			q.entries[n] = e
			n++
		}
	}
	clear(q.entries[n:])
	q.entries, q.taken = q.entries[:n], 0
}

// schedule is a binary heap of entries by time, and at one time in the order in which
// they were added to the plan. An entry is in one schedule at most and knows its
// place. Without a heap, looking at 10,000 probes for one that is due would cost most
// of a core.
type schedule []*entry

func (s schedule) less(i, j int) bool {
	if c := s[i].due.Compare(s[j].due); c != 0 {
		return c < 0
	}
	return s[i].id < s[j].id
}

func (s schedule) set(i int, e *entry) {
	s[i] = e
	e.place = i
}

func (s schedule) swap(i, j int) {
	a, b := s[i], s[j]
	s.set(i, b)
	s.set(j, a)
}

func (s schedule) up(i int) {
	for i > 0 && s.less(i, (i-1)/2) {
		s.swap(i, (i-1)/2)
		i = (i - 1) / 2
	}
}

func (s schedule) down(i int) {
	for {
		least := i
		for c := 2*i + 1; c <= 2*i+2 && c < len(s); c++ {
			if s.less(c, least) {
				least = c
			}
		}
		if least == i {
			return
		}
		s.swap(i, least)
		i = least
	}
}

// add puts in e, which is in no schedule, at the time given.
func (s *schedule) add(e *entry, due time.Time) {
	e.due = due
	*s = append(*s, nil)
	s.set(len(*s)-1, e)
	s.up(e.place)
}

// drop takes out e, which must be in s.
func (s *schedule) drop(e *entry) {
	i, last := e.place, len(*s)-1
	s.swap(i, last)
	(*s)[last] = nil
	*s = (*s)[:last]
	e.place = nowhere
	if i < last {
		s.up(i)
		s.down(i)
	}
}

// nowhere is the place of an entry that is in no schedule.
const nowhere = -1

// next is the first entry if it is due at now, else nil.
func (s schedule) next(now time.Time) *entry {
	if len(s) == 0 || s[0].due.After(now) {
		return nil
	}
	return s[0]
}

// first is when something is due; the zero time if nothing ever is.
func (s schedule) first() time.Time {
	if len(s) == 0 {
		return time.Time{}
	}
	return s[0].due
}
