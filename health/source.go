package health

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// listing is what a source has said there should be.
type listing struct {
	probes []Probe         // complete, in the order of names
	bad    map[string]bool // names of probes that make no sense: these are kept as they were
}

// list asks a source. The listing is nil if the source does not know. Probes that make
// no sense are an error beside a listing.
func list(ctx context.Context, source func(context.Context) ([]Probe, error)) (*listing, error) {
	probes, err := source(ctx)
	if err != nil && !isWarning(err) {
		return nil, err
	}
	l := &listing{bad: map[string]bool{}}
	var errs []error
	for _, p := range probes {
		whole, bad := p.complete()
		if bad == nil && p.List != nil {
			bad = fmt.Errorf("probe %q: a listed probe cannot be a source", p.Name)
		}
		if bad != nil {
			l.bad[p.Name] = true
			errs = append(errs, bad)
			continue
		}
		l.probes = append(l.probes, whole)
	}
	slices.SortStableFunc(l.probes, func(a, b Probe) int { return cmp.Compare(a.Name, b.Name) })
	if errs != nil {
		err = prefixed(errors.Join(errs...))
	}
	return l, err
}

// sync adds, updates and removes probes until the source has those that it listed.
func (p *plan) sync(source *entry, l *listing, now time.Time) error {
	var errs []error
	names := make(map[string]bool, len(l.probes))
	for _, pr := range l.probes {
		if names[pr.Name] {
			errs = append(errs, fmt.Errorf("probe %q was listed twice", pr.Name))
			continue
		}
		names[pr.Name] = true
		if e := source.listed[pr.Name]; e != nil {
			if e.Instance == pr.Instance && e.Kind == pr.Kind && e.passive() == pr.passive() {
				p.update(e, pr)
				continue
			}
			p.remove(e, true, now)
		}
		if err := p.add(pr, now, source, nil); err != nil {
			errs = append(errs, err)
		}
	}
	for name, e := range source.listed {
		if !names[name] && !l.bad[name] {
			p.remove(e, true, now)
		}
	}
	return errors.Join(errs...)
}

// update gives e other settings and leaves its state.
func (p *plan) update(e *entry, pr Probe) {
	p.tally.count(e, -1)
	e.Probe = pr
	p.tally.count(e, 1)
	if !e.passive() {
		return
	}
	if e.phase == waiting {
		p.due.drop(e)
	}
	if e.phase == waiting || e.phase == idle {
		p.listen(e, e.heard)
	}
}
