package report

import (
	"fmt"

	"github.com/tend-go/tend/benchmarks/internal/peer"
	"github.com/tend-go/tend/benchmarks/internal/scenario"
)

// actorTargets are those of package actor.
func actorTargets() []target {
	million, many := 1_000_000, 300_000
	all := []target{
		amountOf("memory per idle actor, 1,000,000", metric{"actors", "bytes", million}, 200, scenario.Bytes),
		amountOf("memory per idle actor that has worked, 1,000,000", metric{"actors", "worked", million}, 200, scenario.Bytes),
		amountOf("memory per idle actor that is found by a key, 1,000,000", metric{"actors", "keyed", million}, 260, scenario.Bytes),
		amountOf("add an actor, 1,000,000", metric{"actors", "add", million}, 500, scenario.Nanoseconds),
		amountOf("add an actor, 1,000,000, with a hook", metric{"actors", "hooked", million}, 700, scenario.Nanoseconds),
		ofLimit("garbage collection, processor time, 300,000 idle actors", metric{"actors", "gc", many}, 0.25),
		ofLimit("one message to each of 300,000 idle actors, processor time", metric{"actors", "once-cpu", many}, 0.5),
		ofLimit("stop 1,000,000 idle actors", metric{"actors", "stop", million}, 1),
		ofLimit("send from one to one", metric{"send", "send", 1}, 1),
		ofLimit("send from eight to one", metric{"send", "send", 8}, 1),
		ofLimit("a ring of 1,000 actors", metric{"ring", "ring", 1e3}, 1.25),
		ofLimit("send to 1,000 actors in turn", metric{"ring", "turn", 1e3}, 1.25),
		ofLimit("ask, p50", metric{"ask", "ask-p50", 1}, 1.1),
		amountOf("ask an idle actor on the asking goroutine, p50", metric{"ask", "inline-p50", 1}, 100, scenario.Nanoseconds),
		ofLimit("1,000 handlers that block for a millisecond", metric{"block", "block", 1e3}, 4),
	}
	crash := metric{"crash", "crash-p50", 0}
	for _, other := range []string{peer.Hollywood, peer.Protoactor} {
		all = append(all, atMost("an actor panics and handles the next message, p50", crash.of(peer.Tend), other, crash.of(other), 1))
	}
	blocked, alone := metric{"beside", "beside", 500}, metric{"beside", "alone", 500}
	return append(all, atMost("ask beside 500 handlers that block, p50", blocked.of(peer.Tend), "that while none blocks", alone.of(peer.Tend), 2))
}

// ofLimit: tend takes at most so many times as much as the limit.
func ofLimit(work string, m metric, times float64) target {
	return atMost(work, m.of(peer.Tend), peer.Limit, m.of(peer.Limit), times)
}

// amountOf: tend takes no more than that.
func amountOf(work string, m metric, bound float64, unit scenario.Unit) target {
	return target{
		work: work, want: fmt.Sprintf("at most %s", amount(bound, unit)), over: m.of(peer.Tend), bound: bound,
		limit: m.of(peer.Limit), unit: unit,
	}
}
