// Package health finds out whether things work, and acts on it in a supervision
// tree.
//
// A supervisor restarts what returns. Most services fail otherwise: they hang,
// answer 503, or wait for ever. A [Probe] is a [Check] with a schedule and
// thresholds; a [Prober] runs probes; [Prober.Guard] puts probes around a
// service, so that a sick service becomes one that has failed:
//
//	prober, err := health.New(health.Config{Tree: root})
//	...
//	db, err := prober.Guard("db", pool, health.Probe{
//		Name: "ping", Kind: health.Liveness, Check: pool.Ping,
//		Interval: 30 * time.Second, FastInterval: time.Second,
//	})
//	...
//	root.Add(prober)
//	root.Add(db)
//	http.Handle("/livez", prober.Handler(health.Liveness, nil))
//	http.Handle("/readyz", prober.Handler(health.Readiness, nil))
//
// # Kinds
//
// A [Readiness] probe only reports. A [Liveness] probe restarts the service that
// it guards. A [Startup] probe holds back the others of its component until it
// has passed. Readiness is the zero value on purpose:
//
// Do not let the liveness of a service depend on something that it shares with
// others, such as a database. When the database is down for a minute, every
// service that asks for it is restarted, all at once, again and again; none of
// that helps the database, and each has lost its caches and connections when it
// is back. Ask for the database in a Readiness probe. A Liveness probe should
// fail only if a restart of this very service helps: it is deadlocked, it has
// lost its event loop. [Beat], called by the loop that does the work, is the most
// honest one.
//
// # Ready and alive
//
// A program is ready if its tree is, by [tend.Status.Ready], and its probes are
// healthy: it is not before all its services have run at once, nor while one that
// counts is down, nor from the moment when it begins to stop. It is alive unless only
// its end can help: a service that is stuck ([tend.Status.Alive]), or a Liveness
// or Startup probe that guards no service. A program that stops is alive.
//
// # What is guaranteed
//
// Runs of one probe never overlap, whether Serve, [Prober.Tick] or [Prober.CheckNow]
// asks for them. A check that ignores that its time is over costs one goroutine, no
// more, until it returns; its slot is free at the timeout. If its probe is removed and
// another one of that name is added, that waits for it.
//
// A verdict needs as many failures in a row as FailureThreshold says, except that
// the first success decides at once. To wait for a slot is no failure. What a
// check says after its Prober was stopped, or while the service that it is about
// is being stopped, counts for nothing.
//
// A probe that could not run for a while, because the machine was suspended or
// the Prober was not running, then runs once, and not as often as it was missed.
// Steps of the wall clock do not matter.
//
// [Config].OnChange is told every change of state at least once, in order for
// each probe, one at a time. What could not be delivered is offered again, and
// what was undone before it was delivered is no news.
//
// No code of others runs under a lock, and no callback can hold up a probe. The tree
// and [Config].Ready are asked in a goroutine of their own, once for all who want a
// report.
//
// # How it works
//
// One plain value, the plan, knows all probes and decides what is due, what may
// run and what a result means. It has no clock, no goroutine and no lock, so its
// rules are table and fuzz tests. A mutex, held for one such decision, hands it from
// one goroutine to the next. One goroutine, that of Serve (or of Tick), carries out
// what it decides and is the only one to start checks; each check has a goroutine
// while it runs, and all callbacks share one.
//
// Two heaps, of what is due and of what must be over, make the cost depend on the
// number of results, not on that of probes: 10,000 probes every 10 seconds take a
// few percent of one core (BenchmarkProbes).
//
// # What is not here
//
// Checks that run a command are in package process, whose Check fits the type
// here; a gRPC check would need a module of its own.
package health
