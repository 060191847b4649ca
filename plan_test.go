package tend

// The rules of the plan are written down as stories in testdata/plan: lines that
// begin with ">" are what happens, the lines after each are what the plan wants
// done about it. To write the answers anew run
//
//	go test -run TestPlanStories -rewrite
//
// and commit only differences that you understand.

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
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

// story runs a plan by what a text says.
type story struct {
	p        plan
	now      instant
	nodes    map[string]*node
	runs     map[string]*run // the latest, and as "a1", "a2" all
	names    map[*call]string
	inspects []inspect
	jitters  []jitter
	probes   []probe
	out      strings.Builder
}

// tell returns the text with the answers of the plan. Comments, headings and
// empty lines stay.
func (s *story) tell(text string) (string, error) {
	s.p = newPlan(Spec{}.withDefaults("w"), "w", time.Unix(0, 0).UTC())
	s.nodes, s.runs, s.names = map[string]*node{}, map[string]*run{}, map[*call]string{}
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
	s.p.heard = true
	s.p.random = func() float64 { return 0.5 }
	for _, e := range append([]effect(nil), s.p.handle(s.now, m)...) {
		fmt.Fprintf(&s.out, "  %s\n", s.effect(e))
	}
	if s.p.finished() {
		fmt.Fprintf(&s.out, "  finished, result %v\n", s.p.stop.result)
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
	switch f[0] {
	case "spec":
		return nil, s.spec(f[1:])
	case "serve":
		return start{}, nil
	case "stopped":
		return stopped{}, nil
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
		return shutdown{cause: ErrStopped, text: "stopped", by: by}, nil
	case "add", "start":
		return s.add(f)
	case "fire":
		return s.fire(arg(1))
	case "inspected":
		e := s.inspects[0]
		s.inspects = s.inspects[1:]
		return inspected{e.r, e.why, "stacks"}, nil
	case "jittered":
		d, err := time.ParseDuration(arg(1))
		e := s.jitters[0]
		s.jitters = s.jitters[1:]
		return jittered{e.pause, d}, err
	case "beats":
		beats, err := strconv.ParseUint(arg(1), 10, 64)
		e := s.probes[0]
		s.probes = s.probes[1:]
		return beaten{e.r, beats, s.now - time.Second}, err
	case "told": // by a context that ended for a reason of its own
		return shutdown{cause: errors.New("why"), by: never}, nil
	case "explained":
		return explained{arg(1)}, nil
	}
	if n == nil && r == nil {
		return nil, fmt.Errorf("there is no %s", arg(1))
	}
	switch f[0] {
	case "ready", "ending", "nested", "unnested", "exit":
		if r == nil {
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
			return restart{n, errors.New(why), why}, nil
		}
		return restart{n: n}, nil
	case "ready":
		return readied{r}, nil
	case "ending":
		return ending{r}, nil
	case "nested":
		return nested{r, &Supervisor{}}, nil
	case "unnested":
		return nested{r, nil}, nil
	case "exit":
		out, ok := map[string]outcome{
			"nil":       {verdict: fine, text: "returned nil"},
			"error":     {err: errors.New("boom"), text: "boom"},
			"panic":     {err: &PanicError{text: "panic: boom"}, text: "panic: boom"},
			"goexit":    {err: ErrGoexit, text: ErrGoexit.Error()},
			"leave":     {err: ErrDoNotRestart, verdict: doNotRestart, text: "enough"},
			"terminate": {err: ErrTerminateTree, verdict: terminate, text: "the end"},
		}[arg(2)]
		if !ok {
			return nil, errors.New("no such outcome")
		}
		out.run = r
		return exited{&out}, nil
	}
	return nil, errors.New("no such message")
}

// spec reads settings like "threshold=1" or "escalate".
func (s *story) spec(settings []string) error {
	spec := Spec{}
	for _, set := range settings {
		key, value, _ := strings.Cut(set, "=")
		d, _ := time.ParseDuration(value)
		x, _ := strconv.ParseFloat(value, 64)
		switch key {
		case "threshold":
			spec.FailureThreshold = x
		case "max":
			spec.MaxServices = int(x)
		case "maxpause":
			spec.MaxFailureBackoff = d
		case "budget":
			spec.StopBudget = d
		case "timeout":
			spec.Timeout = d
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

// add reads "add name setting…".
func (s *story) add(f []string) (message, error) {
	c := &Child{}
	n := &node{name: f[1], id: uint64(len(s.nodes))}
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
		case "min":
			c.Backoff.Min = d
		case "most":
			c.Backoff.Max = d
		case "jitter":
			c.Backoff.Jitter = float64(x) / 100
		case "reset":
			c.Backoff.Reset = d
		case "limit":
			c.Backoff.Limit = x
		case "within":
			c.Backoff.Within = d
		default:
			return nil, fmt.Errorf("no setting %q", key)
		}
	}
	if *c != (Child{}) {
		n.more().conf = c
	}
	s.nodes[n.name] = n
	m := add{n: n}
	if f[0] == "start" || s.p.spec.MaxServices > 0 {
		m.to, m.start = newCall(), f[0] == "start"
		s.names[m.to] = n.name
	}
	return m, nil
}

var timerNames = [timers]string{"stop", "backoff", "ready", "watchdog", "pause"}

// fire lets a timer go off and the time come for which it was armed.
func (s *story) fire(name string) (message, error) {
	for t := range timers {
		if timerNames[t] == name {
			if s.p.armed[t] == never {
				return nil, errors.New("it is not armed")
			}
			s.now = max(s.now, s.p.armed[t])
			return fired{t, s.p.armed[t]}, nil
		}
	}
	return nil, errors.New("no such timer")
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
		n := e.r.node
		s.runs[n.name] = e.r
		s.runs[fmt.Sprint(n.name, n.runs)] = e.r
		return "launch " + n.name
	case cancel:
		return fmt.Sprintf("cancel %s: %v", e.r.node.name, e.cause)
	case limit:
		return fmt.Sprintf("limit below %s: %s", e.r.node.name, at(e.by))
	case Event:
		return fmt.Sprintf("event %v", e)
	case reply:
		return fmt.Sprintf("reply for %s: %v", s.names[e.to], e.err)
	case leave:
		return e.n.name + " has left"
	case arm:
		return fmt.Sprintf("%s timer at %s", timerNames[e.timer], at(e.at))
	case disarm:
		return fmt.Sprintf("no %s timer", timerNames[e.timer])
	case probe:
		s.probes = append(s.probes, e)
		return "probe " + e.r.node.name
	case inspect:
		s.inspects = append(s.inspects, e)
		return "inspect " + e.r.node.name
	case jitter:
		s.jitters = append(s.jitters, e)
		return "jitter " + e.d.String()
	case owe:
		return fmt.Sprintf("owe %s (%s)", e.r.node.name, e.cause)
	case settle:
		return "settle " + e.r.node.name
	case ready:
		return "all are running"
	}
	return fmt.Sprintf("%T", e)
}
