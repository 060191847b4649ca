package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/health"
)

// rules are the numbers by which plugins are judged.
type rules struct {
	interval time.Duration // between pings
	fast     time.Duration // instead, after a ping that failed
	jitter   float64       // of both; 0: health's default, a tenth
	timeout  time.Duration // of a ping
	pings    int           // that fail in a row are a failure
	grace    time.Duration // that a plugin has to stop
	backoff  tend.Backoff  // delays of restarts
	limit    tend.Limit    // how many failures are too many
}

// usual are the rules of Mattermost: a ping every 30 seconds, three that fail are
// a failure, the third failure within an hour is the last, and at the end a plugin
// has ten seconds. The delays before restarts and the timeout of a ping are ours: it
// has none.
var usual = rules{
	interval: 30 * time.Second,
	fast:     time.Second,
	timeout:  5 * time.Second,
	pings:    3,
	grace:    10 * time.Second,
	backoff:  tend.Backoff{Min: time.Second, Max: time.Minute, Jitter: 0.2},
	limit:    tend.Limit{N: 3, Within: time.Hour},
}

// faster is r with all times divided by n. What a process takes to answer does
// not get shorter, so the timeouts keep a minimum.
func (r rules) faster(n float64) rules {
	scale := func(d time.Duration) time.Duration { return time.Duration(float64(d) / n) }
	r.interval, r.fast = scale(r.interval), scale(r.fast)
	r.timeout, r.grace = max(scale(r.timeout), 250*time.Millisecond), max(scale(r.grace), 250*time.Millisecond)
	r.backoff.Min, r.backoff.Max, r.limit.Within = scale(r.backoff.Min), scale(r.backoff.Max), scale(r.limit.Within)
	return r
}

// plugin is what a host needs to know of one. Ping must return soon after its
// context is done.
type plugin interface {
	tend.Service
	Ping(ctx context.Context) error
}

// host runs plugins and pings them. All of its methods may be called at any time.
//
//	plugins
//	├─ health       pings, each plugin on a schedule of its own
//	├─ calendar     each plugin has a budget of its own, so that one which
//	├─ zoom         fails again and again costs the others nothing
//	└─ …
type host struct {
	root   *tend.Supervisor
	health *health.Prober
	rules  rules

	mu     sync.Mutex
	tokens map[string]tend.ServiceToken
}

// newHost makes a host without plugins. Hook gets its events; nil logs them.
func newHost(r rules, hook func(tend.Event)) (*host, error) {
	root := tend.New("plugins", tend.Spec{EventHook: hook})
	// A ping that hangs takes one of these places for as long as its timeout.
	// Places cost next to nothing, so there are as many as plugins can need.
	prober, err := health.New(health.Config{Concurrency: 1000, Tree: root})
	if err != nil {
		return nil, err
	}
	root.Add(prober)
	return &host{root: root, health: prober, rules: r, tokens: make(map[string]tend.ServiceToken)}, nil
}

// add adds a plugin and starts it if the host is being served. Child says how it
// wants to be supervised, other than by the rules of the host; its Service is
// replaced by p.
func (h *host) add(name string, p plugin, child tend.Child) error {
	child.Service, child.Name, child.Backoff, child.Limit = p, name, h.rules.backoff, h.rules.limit
	ping := func(ctx context.Context) error {
		ctx, cancel := context.WithTimeoutCause(ctx, h.rules.timeout, fmt.Errorf("not within %v", h.rules.timeout))
		defer cancel()
		return p.Ping(ctx)
	}
	guarded, err := h.health.Guard(name, child, health.Probe{
		Name: "ping", Kind: health.Liveness, Check: ping,
		InitialDelay: h.rules.interval, Interval: h.rules.interval, FastInterval: h.rules.fast,
		Jitter: h.rules.jitter, Timeout: 2 * h.rules.timeout, // for a Ping that ignores the end of its context
		FailureThreshold: h.rules.pings,
	})
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.tokens[name]; ok {
		return fmt.Errorf("there already is a plugin %q", name)
	}
	h.tokens[name] = h.root.Add(guarded)
	return nil
}

// reset starts a plugin again that has failed for good, with a budget as new, or that
// was deactivated. One that runs is restarted, which is no failure.
func (h *host) reset(name string) error {
	token, err := h.token(name)
	if err != nil {
		return err
	}
	return h.root.Restart(token, nil)
}

// deactivate stops a plugin, until it is reset, and has it pinged no more. Its
// failures are not forgotten: a plugin that is switched off and on does not get more
// of them than others.
func (h *host) deactivate(name string) error {
	token, err := h.token(name)
	if err != nil {
		return err
	}
	return h.root.Suspend(token)
}

func (h *host) token(name string) (tend.ServiceToken, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	token, ok := h.tokens[name]
	if !ok {
		return token, fmt.Errorf("there is no plugin %q", name)
	}
	return token, nil
}
