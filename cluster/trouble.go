package cluster

// operation is what the engine is asked for.
type operation uint8

const (
	opening operation = iota
	renewing
	revoking
	registering
	updating
	counting
	watching
	creating
	deleting
	several
)

// trouble is that the engine does not do something that it is asked for. It may well do all
// else, as for a user who may not write, or if it grants leases of another length: then it is not
// back because it has done that.
type trouble struct {
	since instant // never: there is none
	last  instant // when something has failed last
	of    operation
}

var noTrouble = trouble{since: never}

// quiet is for how long nothing has failed, beside the time that an operation may take, if the
// trouble is over though what has failed was not done since: it may not be wanted any more.
// Whatever fails is tried again in a fifth of that.
const quiet = 5 * retry

// fails notes that something has failed, and says whether that is new.
func (t *trouble) fails(what operation, now instant) (isNew bool) {
	isNew = t.since == never
	switch {
	case isNew:
		t.since, t.of = now, what
	case t.of != what:
		t.of = several
	}
	t.last = now
	return isNew
}

// isOver: there is one no more, as that was done; within: what an operation may take.
func (t trouble) isOver(what operation, now, within instant) bool {
	return t.since != never && (t.of == what || now-t.last >= within+quiet)
}
