package tend

// The rules of the plan are written down as stories in testdata/plan: lines that
// begin with ">" are what happens, the lines after each are what the plan wants
// done about it. To write the answers anew run
//
//	go test -run TestPlanStories -rewrite
//
// and commit only differences that you understand.

import (
	stdcmp "cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tend-go/tend/internal/fields"
)

var rewrite = flag.Bool("rewrite", false, "write the answers in testdata/plan anew")

func TestPlanStories(t *testing.T) {
	files, err := filepath.Glob("testdata/plan/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no stories", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got, err := (&story{}).tell(string(want))
			if err != nil {
				t.Fatal(err)
			}
			if *rewrite {
				if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// incarnation is a run as messages name it.
type incarnation struct {
	n   *node
	run uint64
}

// story runs a plan by what a text says.
type story struct {
	p        plan
	now      instant
	nodes    map[string]*node
	runs     map[string]incarnation // the latest, and as "a1", "a2" all
	names    map[call]string
	waits    call
	inspects []inspected // to be answered
	probes   []beaten
	ids      uint64 // the last
	hears    hearing
	told     uint64 // how often "told" has asked for a stop
	out      strings.Builder
}

// tell returns the text with the answers of the plan. Comments, headings and
// empty lines stay.
func (s *story) tell(text string) (string, error) {
	s.p = newPlan(Spec{Jitter: -1}.withDefaults("w"), "w", time.Unix(0, 0).UTC())
	s.nodes, s.runs, s.names = map[string]*node{}, map[string]incarnation{}, map[call]string{}
	s.hears = everything
	lastEmpty := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		wish, isWish := strings.CutPrefix(line, "> ")
		switch {
		case isWish:
			s.out.WriteString(line + "\n")
			m, err := s.message(strings.Fields(wish))
			if err != nil {
				return "", fmt.Errorf("%q: %w", line, err)
			}
			s.send(m)
		case strings.HasPrefix(line, "#"), line == "" && !lastEmpty:
			s.out.WriteString(line + "\n")
		}
		lastEmpty = line == ""
	}
	return s.out.String(), nil
}

func (s *story) send(m message) {
	if m == nil {
		return
	}
	s.p.hears = s.hears
	s.p.random = func() float64 { return 0.5 }
	for _, e := range append([]effect(nil), s.p.handle(s.now, m)...) {
		if line := s.effect(e); line != "" {
			fmt.Fprintf(&s.out, "  %s\n", line)
		}
	}
	if s.p.finished() {
		fmt.Fprintf(&s.out, "  finished, result %q\n", s.p.stop.result.Error())
	}
}

// message is what a line says.
func (s *story) message(f []string) (message, error) {
	arg := func(i int) string {
		if i < len(f) {
			return f[i]
		}
		return ""
	}
	if d, ok := strings.CutPrefix(f[0], "+"); ok {
		d, err := time.ParseDuration(d)
		s.now += d
		return nil, err
	}
	n, r := s.nodes[arg(1)], s.runs[arg(1)]
	in := r.n
	switch f[0] {
	case "spec":
		return nil, s.spec(f[1:])
	case "serve":
		m := start{term: s.p.term + 1}
		if why := arg(1); why != "" { // of a stop above
			m.doom = Reason{errors.New(why), why}
		}
		return m, nil
	case "stopped":
		return over{}, nil
	case "stop-before": // the time of being served before this one is to end
		return shutdown{term: s.p.term - 1, cause: known(ErrStopped), by: never}, nil
	case "stop", "hurry":
		by := never
		if arg(1) != "" {
			d, err := time.ParseDuration(arg(1))
			if err != nil {
				return nil, err
			}
			by = s.now + d
		}
		if f[0] == "hurry" {
			return hurry{by}, nil
		}
		return shutdown{cause: known(ErrStopped), by: by}, nil
	case "add", "start":
		return s.add(f)
	case "after": // another one is to have left, or gives its place
		m, err := s.add(append([]string{"start"}, f[2:]...))
		if a, is := m.(add); is {
			a.after, a.start = s.nodes[f[1]], false
			m = a
		}
		return m, err
	case "within": // one that runs starts another one, and waits for that
		m, err := s.add(append([]string{"start"}, f[2:]...))
		if a, is := m.(add); is {
			a.from = s.nodes[f[1]]
			m = a
		}
		return m, err
	case "discard": // one that was made, and is not needed any more
		n, err := s.make(f)
		return discard{n}, err
	case "replace", "overlap":
		return s.replace(f)
	case "addall", "removeall":
		return s.several(f)
	case "lostall":
		return lost{nil, 3, "main.order", Reason{errors.New("boom"), "boom"}}, nil
	case "unheard": // there is no hook
		s.hears = nobody
		return nil, nil
	case "undetailed": // there is one that wants nothing at level debug
		s.hears = noDetails
		return nil, nil
	case "status":
		s.status()
		return nil, nil
	case "fire":
		return s.fire(f[1:])
	case "inspected":
		e := s.inspects[0]
		s.inspects = s.inspects[1:]
		return e, nil
	case "resume":
		d, err := time.ParseDuration(arg(1))
		return resume{d}, err
	case "beats":
		beats, err := strconv.ParseUint(arg(1), 10, 64)
		e := s.probes[0]
		s.probes = s.probes[1:]
		e.beats, e.last = beats, s.now-time.Second
		return e, err
	case "told": // by a context that ended for a reason of its own
		s.told++
		return shutdown{id: s.told, cause: Reason{Err: errors.New("why")}, by: never}, nil
	case "explained":
		return explained{s.told, Reason{errors.New(arg(1)), arg(1)}}, nil
	case "doomed":
		return doomed{Reason{errors.New(arg(1)), arg(1)}}, nil
	}
	if n == nil && in == nil {
		return nil, fmt.Errorf("there is no %s", arg(1))
	}
	switch f[0] {
	case "ready", "ending", "nested", "unnested", "exit", "self":
		if in == nil {
			return nil, fmt.Errorf("%s does not run", arg(1))
		}
	}
	switch f[0] {
	case "remove":
		return remove{n}, nil
	case "suspend":
		return suspend{n}, nil
	case "restart":
		if why := arg(2); why != "" {
			return restart{n, Reason{errors.New(why), why}}, nil
		}
		return restart{n: n}, nil
	case "wait":
		m := wait{n: n, to: newCall()}
		s.names[m.to], s.waits = n.name+" "+arg(2), m.to
		return m, m.state.UnmarshalText([]byte(arg(2)))
	case "unwait": // the one who waits since the last wait
		return unwait{n, s.waits}, nil
	case "ready":
		return readied(r), nil
	case "ending":
		return ending(r), nil
	case "silent":
		return silent(r), nil
	case "slept":
		return slept(r), nil
	case "opened":
		return opened{r.n, r.run, &run{}}, nil
	case "lost":
		return lost{r.n, 3, "main.order", Reason{errors.New("boom"), "boom"}}, nil
	case "nested":
		return nested{r.n, r.run, &Supervisor{}}, nil
	case "unnested":
		return nested{r.n, r.run, nil}, nil
	case "self": // what a run reads of itself, also when it has ended
		s.self(r.n)
		return nil, nil
	case "exit":
		out, ok := map[string]outcome{
			"nil":       {verdict: fine, why: Reason{nil, "returned nil"}},
			"error":     {why: Reason{errors.New("boom"), "boom"}},
			"canceled":  {why: known(context.Canceled)},
			"panic":     {why: Reason{&PanicError{Value: "boom"}, "panic: boom"}},
			"goexit":    {why: known(ErrGoexit)},
			"leave":     {why: Reason{ErrDoNotRestart, "enough"}, verdict: doNotRestart},
			"terminate": {why: Reason{ErrTerminateTree, "the end"}, verdict: terminate},
		}[arg(2)]
		if !ok {
			return nil, errors.New("no such outcome")
		}
		out.n = r.n
		return exited{&out}, nil
	}
	return nil, errors.New("no such message")
}

// spec reads settings like "threshold=1" or "escalate".
func (s *story) spec(settings []string) error {
	spec := Spec{Jitter: -1}
	for _, set := range settings {
		key, value, _ := strings.Cut(set, "=")
		d, _ := time.ParseDuration(value)
		x, _ := strconv.ParseFloat(value, 64)
		switch key {
		case "threshold":
			spec.FailureThreshold = x
		case "max":
			spec.MaxServices = int(x)
		case "starting":
			spec.MaxStarting = int(x)
		case "maxpause":
			spec.MaxFailureBackoff = d
		case "budget":
			spec.StopWithin = d
		case "timeout":
			spec.Timeout = d
		case "jitter":
			spec.Jitter = x / 100
		case "escalate":
			spec.Escalate = true
		case "ordered":
			spec.Ordered = true
		case "oneforall":
			spec.Strategy = OneForAll
		case "restforone":
			spec.Strategy = RestForOne
		case "keep":
			spec.KeepTermination = true
		default:
			return fmt.Errorf("no setting %q", key)
		}
	}
	s.p = newPlan(spec.withDefaults("w"), "w", time.Unix(0, 0).UTC())
	return nil
}

// replace reads "replace name setting…", or "overlap …": the new one is called as the old one.
func (s *story) replace(f []string) (message, error) {
	seat := s.nodes[f[1]]
	n, err := s.make(f)
	if seat == nil || err != nil {
		return nil, fmt.Errorf("nobody is called %s: %w", f[1], err)
	}
	to := newCall()
	s.names[to] = n.name
	if f[0] == "overlap" {
		return overlap{seat, n, to}, nil
	}
	return replace{seat, n, to}, nil
}

// add reads "add name setting…".
func (s *story) add(f []string) (message, error) {
	n, err := s.make(f)
	if err != nil {
		return nil, err
	}
	s.nodes[n.name] = n
	m := add{n: n}
	if f[0] == "start" || s.p.spec.MaxServices > 0 {
		m.to, m.start = newCall(), f[0] == "start"
		s.names[m.to] = n.name
	}
	return m, nil
}

// make reads what follows the verb.
func (s *story) make(f []string) (*node, error) {
	c := &Child{}
	s.ids++
	n := &node{name: f[1], id: s.ids, svc: Func(f[1], func(context.Context) error { return nil })}
	for _, set := range f[2:] {
		key, value, _ := strings.Cut(set, "=")
		d, _ := time.ParseDuration(value)
		x, _ := strconv.Atoi(value)
		switch key {
		case "transient":
			c.Restart = Transient
		case "temporary":
			c.Restart = Temporary
		case "ready":
			c.ReadyTimeout = d
		case "watchdog":
			c.Watchdog = d
		case "timeout":
			c.Timeout = d
		case "significant":
			c.Significant = true
		case "supervisor":
			n.set(isSupervisor, true)
		case "latent":
			n.set(isLatent, true)
		case "member":
			n.set(isLatent|isMember, true)
		case "min":
			c.Backoff.Min = d
		case "most":
			c.Backoff.Max = d
		case "jitter":
			c.Backoff.Jitter = float64(x) / 100
		case "reset":
			c.Backoff.Reset = d
		case "limit":
			c.Limit.N = x
		case "within":
			c.Limit.Within = d
		default:
			return nil, fmt.Errorf("no setting %q", key)
		}
	}
	if *c != (Child{}) || n.is(isLatent) {
		n.more().conf = c
	}
	return n, nil
}

// several reads "addall name…", of members of a group, or "removeall name…".
func (s *story) several(f []string) (message, error) {
	var list []*node
	for _, name := range f[1:] {
		if f[0] == "addall" {
			if _, err := s.add([]string{"add", name, "member"}); err != nil {
				return nil, err
			}
		}
		list = append(list, s.nodes[name])
	}
	if f[0] == "addall" {
		return addAll{list}, nil
	}
	return removeAll{list}, nil
}

var timerNames = [timers]string{"stop", "backoff", "ready", "watchdog", "pause"}

// fire lets a timer go off and the time come for which it was armed; with a second word
// one that was armed for that moment before, and has been armed anew since.
func (s *story) fire(f []string) (message, error) {
	for t := range timers {
		if timerNames[t] == f[0] {
			if len(f) > 1 {
				at, err := time.ParseDuration(f[1])
				return fired{t, at}, err
			}
			if s.p.times().armed[t] == never {
				return nil, errors.New("it is not armed")
			}
			s.now = max(s.now, s.p.times().armed[t])
			return fired{t, s.p.times().armed[t]}, nil
		}
	}
	return nil, errors.New("no such timer")
}

// status prints what the plan says of itself, its services and their failures.
func (s *story) status() {
	st := Status{Path: "w"}
	s.p.status(s.now, &st, func(int, *node) {})
	services := st.Services
	st.Path, st.Services = "", nil
	s.line("w is", st)
	for _, c := range services {
		s.service(c)
	}
	var stay []string
	for _, svc := range s.p.services() {
		stay = append(stay, fmt.Sprint(svc))
	}
	fmt.Fprintf(&s.out, "  to stay: %s\n", strings.Join(stay, " "))
}

// self prints what the plan says of the record of a run.
func (s *story) self(n *node) { s.service(s.p.serviceStatus(s.now, n, "w", s.p.holdup())) }

func (s *story) service(c ServiceStatus) {
	name, failures := c.Path, c.Failures
	c.Name, c.Path, c.Failures, c.Token = "", "", nil, ServiceToken{}
	s.line(name+" is", c)
	for _, f := range failures {
		s.line("  failed", f)
	}
}

func (s *story) line(what string, v any) {
	fmt.Fprintf(&s.out, "  %s %s\n", what, fields.Print(v, time.Unix(0, 0), errorName))
}

// bare is e without its stacks.
func bare(e Event) Event {
	switch e := e.(type) {
	case ServiceStuck:
		e.Stacks = ""
		return e
	case ServiceUnresponsive:
		e.Stacks = ""
		return e
	}
	return e
}

// errorName is the name of an error of this package, by its text.
func errorName(text string) string {
	return map[string]string{
		ErrRemoved.Error(): "ErrRemoved", ErrSuspended.Error(): "ErrSuspended", ErrRestartRequested.Error(): "ErrRestartRequested",
		ErrSiblingFailed.Error(): "ErrSiblingFailed", ErrReplaced.Error(): "ErrReplaced",
		ErrNotReady.Error(): "ErrNotReady", ErrUnresponsive.Error(): "ErrUnresponsive",
		ErrStopped.Error(): "ErrStopped", ErrGoexit.Error(): "ErrGoexit", errServeReturned.Error(): "errServeReturned",
	}[text]
}

// effect prints what the plan wants done.
func (s *story) effect(e effect) string {
	at := func(i instant) string {
		if i == never {
			return "no limit"
		}
		return i.String()
	}
	switch e := e.(type) {
	case launch:
		r := incarnation{e.n, e.n.number}
		s.runs[e.n.name] = r
		s.runs[fmt.Sprint(e.n.name, e.n.number)] = r
		return "launch " + e.n.name
	case cancel:
		cause := s.p.cause(e.n).Err.Error()
		forGood := ""
		if e.n.is(isLatent) && s.p.isLast(e.n) { // it alone is told
			forGood = " for good"
		}
		return fmt.Sprintf("cancel %s%s: %s", e.n.name, forGood, stdcmp.Or(errorName(cause), cause))
	case limit:
		return fmt.Sprintf("limit below %s: %s", e.n.name, at(e.by))
	case finish:
		return fmt.Sprintf("the last run of %s: %s", e.n.name, errorName(s.p.reason(e.n, e.why).Text))
	case wind:
		return e.n.name + " is to end"
	case hasten:
		return fmt.Sprintf("hasten %s: %s", e.n.name, at(s.p.stopLimit(e.n)))
	case Event:
		line := "event " + e.From().Path() + " " + e.Kind().String()
		if own := fields.Print(bare(e), time.Unix(0, 0), errorName); own != "" {
			line += " " + own
		}
		return line
	case reply:
		return fmt.Sprintf("reply for %s: %v", s.names[e.to], e.err)
	case decided:
		why := fmt.Sprint(e.why)
		what := "is told"
		if e.failed {
			what = "has failed and is told"
		}
		fate := []string{"again", "kept", "over", "gone"}[s.p.fate(e.n)]
		return fmt.Sprintf("%s %s of run %d: %s, %s", e.n.name, what, e.run, fate, stdcmp.Or(errorName(why), why))
	case keep:
		return e.n.name + " has an object of its run"
	case leave:
		if !e.last {
			return e.n.name + " has left its place to another"
		}
		return e.n.name + " has left"
	case arm:
		return fmt.Sprintf("%s timer at %s", timerNames[e.timer], at(e.at))
	case disarm:
		return fmt.Sprintf("no %s timer", timerNames[e.timer])
	case probe:
		s.probes = append(s.probes, beaten{n: e.n, run: e.n.number})
		return "probe " + e.n.name
	case inspect:
		s.inspects = append(s.inspects, inspected{e.n, e.n.number, e.why, "stacks"})
		return "inspect " + e.n.name
	case owe:
		return "owe " + e.n.name
	case settle:
		return "settle " + e.n.name
	case settled:
		return "" // tells only the supervisor above
	case recall:
		return s.recalled()
	case ready:
		return "all are running"
	}
	return fmt.Sprintf("%T", e)
}

// recalled are the latent services that do not run, if there are any.
func (s *story) recalled() string {
	var names []string
	for n := s.p.first; n != nil; n = n.next {
		if n.is(isLatent) && !n.is(alive) {
			names = append(names, n.name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return strings.Join(names, ", ") + ": served again"
}

// TestListing: of the members of a group a thousand are listed, those in trouble first, and
// all other services.
func TestListing(t *testing.T) {
	for _, c := range []struct {
		others, running, backoff, failed, stuck int
		listed, troubled                        int // members
	}{
		{0, 999, 1, 0, 0, 1000, 1},
		{3, 997, 1, 1, 1, 1000, 3},
		{3, 1000, 1, 1, 1, 997, 3}, // others in trouble take places
		{0, 2000, 0, 0, 0, 1000, 0},
		{1, 10, 600, 300, 200, 1000, 1000},
		{2, 1100, 0, 0, 999, 999, 999},
	} {
		s := &story{names: map[call]string{}, nodes: map[string]*node{}, runs: map[string]incarnation{}}
		if err := s.spec(nil); err != nil {
			t.Fatal(err)
		}
		put := func(n int, state State, f flags) {
			for range n {
				n := &node{name: "n", id: s.ids}
				n.set(f, true)
				s.ids++
				s.p.add(0, add{n: n})
				s.p.put(0, n, state)
			}
		}
		put(c.others, StateFailed, 0)
		put(c.running, StateRunning, isMember)
		put(c.backoff, StateBackoff, isMember)
		put(c.failed, StateFailed, isMember)
		put(c.stuck, StateStuck, isMember)
		var status Status
		s.p.status(0, &status, func(int, *node) {})
		troubled := 0
		for _, s := range status.Services[c.others:] {
			if s.InTrouble() {
				troubled++
			}
		}
		all := c.others + c.running + c.backoff + c.failed + c.stuck
		if n := len(status.Services); n != c.others+c.listed || troubled != c.troubled || status.Idle != all-n || cap(status.Services) > min(all, c.others+mostMembers) {
			t.Errorf("%+v: %d are listed, %d in trouble, %d not listed", c, n, troubled, status.Idle)
		}
	}
}

// TestAnHeirHasTheHistoryForItself: what becomes of the one before it since is not in it.
func TestAnHeirHasTheHistoryForItself(t *testing.T) {
	old, heir := &node{name: "a"}, &node{name: "a"}
	failed := func(text string) Failure { return Failure{Err: Reason{errors.New(text), text}} }
	old.remember(failed("first"))
	old.remember(failed("second"))
	heir.inherit(old)
	old.remember(failed("last words"))
	heir.remember(failed("third"))
	var got []string
	for _, f := range heir.history() {
		got = append(got, f.Err.Text)
	}
	if want := []string{"first", "second", "third"}; !slices.Equal(got, want) {
		t.Errorf("its history is %q", got)
	}
	if h := old.history(); len(h) != 1 || h[0].Err.Text != "last words" {
		t.Errorf("the one before it has %v", h)
	}
}

// TestEveryMessageIsHandled, as a wish or as a fact, once: no linter looks at two switches
// together.
func TestEveryMessageIsHandled(t *testing.T) {
	read := func(file string) string {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	plan := read("plan.go")
	all := regexp.MustCompile(`(?m)^func \((\w+)\) message\(\)`).FindAllStringSubmatch(read("messages.go"), -1)
	for _, m := range all {
		if n := strings.Count(plan, "\tcase "+m[1]+":\n"); n != 1 {
			t.Errorf("%s is handled in %d places", m[1], n)
		}
	}
	if len(all) < 20 {
		t.Errorf("there are %d messages", len(all))
	}
}

// TestRoomOfAnIdlePlan: what many effects took, as those of a start, is not kept until something
// else happens; what few take is.
func TestRoomOfAnIdlePlan(t *testing.T) {
	for room, kept := range map[int]int{fewEffects: fewEffects, fewEffects + 1: 0} {
		p := &plan{out: append(make([]effect, 0, room), launch{&node{}})}
		out := p.out
		p.carriedOut()
		if cap(p.out) != kept || kept > 0 && out[0] != nil {
			t.Errorf("of room for %d that for %d is kept, with %v", room, cap(p.out), out[0])
		}
	}
}

// TestHistory: of the last failures, oldest first. Room for more than one is there when there is
// a second.
func TestHistory(t *testing.T) {
	n := &node{}
	var want []uint64
	for i := range uint64(3 * historySize) {
		n.remember(Failure{Incarnation: i})
		want = append(want, i)
		want = want[max(0, len(want)-historySize):]
		var got []uint64
		for _, f := range n.history() {
			got = append(got, f.Incarnation)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
		if room := cap(n.rare.failures); room != min(1+int(i)*(historySize-1), historySize) {
			t.Errorf("after %d there is room for %d", i+1, room)
		}
	}
}
