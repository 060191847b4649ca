package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tend-go/tend"
)

// tell is the Serve of the story. It ends with nil when it has been told, and the tree with
// it.
func (b *bank) tell(ctx context.Context) error {
	chapters := []func(context.Context) error{b.begin}
	for _, name := range b.chapters {
		chapters = append(chapters, map[string]func(context.Context) error{"kill": b.kill, "pause": b.pause, "stop": b.stop}[name])
	}
	defer b.told.Store(true)
	for _, chapter := range chapters {
		if err := chapter(ctx); err != nil {
			if ctx.Err() == nil {
				b.err = err
			}
			return err
		}
	}
	if b.http != "" {
		b.say("that was all; at /debug/tree/ of %s nodes can be suspended and restarted, and Ctrl-C ends it", b.http)
		<-ctx.Done()
	}
	return nil
}

// begin: three nodes share the shards, and whoever asks the wrong one learns of the right one.
func (b *bank) begin(ctx context.Context) error {
	b.say("an engine, a vault and three processes start; TTL is %v", b.ttl)
	if err := b.even(ctx, b.nodes); err != nil {
		return err
	}
	b.say("%d shards of accounts are shared, and each has one owner:", shards)
	b.show()
	other := slices.IndexFunc(b.nodes, func(n *nodeProcess) bool { return n != b.keeper() })
	return b.askWrong(ctx, b.nodes[other])
}

// show tells who owns what.
func (b *bank) show() {
	auditor, _ := b.auditor.Owner("")
	for _, n := range b.nodes {
		var own []string
		var addr string
		for _, c := range b.owned(n) {
			own, addr = append(own, fmt.Sprint(c.Shard)), c.Owner.Addr
		}
		if auditor.Owner.Name == n.name {
			own = append(own, "and the auditor")
		}
		b.say("   %s at http://%s/debug/tree/ has %s", n.name, addr, strings.Join(own, " "))
	}
	c, _ := b.role.Owner(customer)
	b.say("   %s's account is in shard %d, with %s under token %d", customer, c.Shard, c.Owner.Name, c.Token)
}

// askWrong asks a node that has not got the customer's account, as a program and as a browser.
func (b *bank) askWrong(ctx context.Context, n *nodeProcess) error {
	url := "http://" + b.owned(n)[0].Owner.Addr + "/accounts/" + customer
	for _, accept := range []string{"application/json", "text/html"} {
		var r *http.Response
		var err error
		if late := until(ctx, n.name+" to see what the frontend sees", func() bool {
			r, err = ask(ctx, url, accept)
			return err != nil || r.Header.Get(ownerHeader) != ""
		}); late != nil || err != nil {
			return errors.Join(late, err)
		}
		b.say("   %s, asked for %s by who accepts %s: %s, %s: %s %s", n.name, customer, accept, r.Status,
			ownerHeader, r.Header.Get(ownerHeader), r.Header.Get("Location"))
	}
	return nil
}

// ask follows no redirects.
func ask(ctx context.Context, url, accept string) (*http.Response, error) {
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", accept)
	r, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	return r, r.Body.Close()
}

// kill: a process dies. Its claims are over with its lease, and others take them.
func (b *bank) kill(ctx context.Context) error {
	n := b.keeper()
	had := b.owned(n)
	b.say("kill -9 %s", n.name)
	began := time.Now()
	if err := n.command.SignalLeader(kill); err != nil {
		return err
	}
	if err := b.taken(ctx, had); err != nil {
		return err
	}
	b.say("%d shards of %s: %s, after %v", len(had), n.name, b.heirs(had), round(time.Since(began)))
	if err := b.even(ctx, b.nodes); err != nil {
		return err
	}
	b.say("%s is back, with %d shards, %d of which it had before", n.name, len(b.owned(n)), b.home(had))
	return nil
}

// pause: a process stands still for longer than its lease lives, and goes on where it was.
// Nothing in it can know that it was replaced. The vault knows.
func (b *bank) pause(ctx context.Context) error {
	n := b.keeper()
	had, process, before := b.owned(n), n.process(), len(b.vault.refusals(0))
	b.say("kill -STOP %s, for %v", n.name, b.ttl+2*time.Second)
	began := time.Now()
	b.notes.put(note{What: "pause", Process: process})
	if err := n.command.SignalLeader(pause); err != nil {
		return err
	}
	if err := b.taken(ctx, had); err != nil {
		return err
	}
	b.say("%d shards of %s: %s, after %v", len(had), n.name, b.heirs(had), round(time.Since(began)))
	if err := sleep(ctx, b.ttl+2*time.Second-time.Since(began)); err != nil {
		return err
	}
	b.say("kill -CONT %s: it goes on with what it was about", n.name)
	b.notes.put(note{What: "resume", Process: process})
	if err := n.command.SignalLeader(carryOn); err != nil {
		return err
	}
	if err := b.even(ctx, b.nodes); err != nil {
		return err
	}
	b.tellRefusals(b.vault.refusals(before))
	if n.process() != process {
		b.say("%s did not stop in time when it woke, so its process ended and was started again", n.name)
	}
	b.say("%s has learned that its lease was lost, has joined anew, and has %d shards", n.name, len(b.owned(n)))
	return nil
}

func (b *bank) tellRefusals(all []refusal) {
	for i, r := range all {
		if i == 3 {
			b.say("   and %d more", len(all)-i)
			return
		}
		b.say("   %v", r)
	}
	if len(all) == 0 {
		b.say("   the vault has refused nothing")
	}
}

// stop: a process is asked to end. It hands over one shard after the other, and nobody has
// to wait for the lease.
func (b *bank) stop(ctx context.Context) error {
	n := b.keeper()
	had := b.owned(n)
	b.say("kill -TERM %s", n.name)
	began := time.Now()
	if err := b.fleet.Suspend(n.token); err != nil { // sends the signal, and keeps it down
		return err
	}
	if err := b.taken(ctx, had); err != nil {
		return err
	}
	b.say("%d shards handed over in %v: %s", len(had), round(time.Since(began)), b.heirs(had))
	if err := b.fleet.WaitState(ctx, n.token, tend.StateSuspended); err != nil {
		return err
	}
	rest := slices.DeleteFunc(slices.Clone(b.nodes), func(other *nodeProcess) bool { return other == n })
	return b.even(ctx, rest)
}

// keeper is the node that has the customer's account now: things happen to that one.
func (b *bank) keeper() *nodeProcess {
	c, _ := b.role.Owner(customer)
	for _, n := range b.nodes {
		if n.name == c.Owner.Name {
			return n
		}
	}
	return b.nodes[0]
}
