// Package app is the main function of a program that is a tree of services:
//
//	func main() {
//		root := tend.New("shop", tend.Spec{StopWithin: 25 * time.Second})
//		root.Add(server.HTTP(&http.Server{Addr: ":8080", Handler: routes()}))
//		app.Main(root, app.Options{
//			Listen: ":8081",          // /livez, /readyz
//			Debug:  ":6060",          // those, /debug/tree/ and /debug/pprof/, on loopback
//			Tree:   observe.Handler(root, observe.Options{}),
//		})
//	}
//
// # Probes
//
// /readyz goes by [tend.Status.Ready] and /livez by [tend.Status.Alive], unless
// Options says otherwise; while the tree stops, the program is not ready, and alive.
// docs/operations.md says what platforms make of that, and which services count.
//
// What they say is good for a second, for all who ask; that a stop has begun they say
// at once.
//
// # Stopping
//
// SIGINT or SIGTERM starts one graceful stop; services find the signal in
// [context.Cause], as a [*Signalled]. How long that may take is the tree's
// business, not this package's: Spec.StopWithin of the root is the time for
// everything, and the tree shares it out over its levels; without one each service
// gets its timeout. Make that a few seconds less than what stands behind
// the program allows: terminationGracePeriodSeconds of Kubernetes (30s), or
// TimeoutStopSec= of systemd, which this package prolongs as long as the stop is
// under way. The tree's records say what each supervisor of it took.
//
// Services are asked first and all else is done beside that; a log pipe that nobody
// reads holds nothing up. Options.StopDelay puts time between "not ready" and the
// stop.
//
// Once a signal to stop has come, only a SIGINT says more, as only a person sends two: it
// ends the program at once, with a report of what still ran, and where it hung (or,
// in a StopDelay, ends that). When the tree has stopped it ends it without: what there is
// to log and to write then may hang. A SIGINT within 100ms of the last signal that did
// something is the same wish: one Ctrl-C arrives twice when npm, make, timeout or a
// container's init forwards what the terminal has sent to the whole group. That echo
// has none itself, so a Ctrl-C that is held down gets through. A second SIGTERM is the
// same wish whenever it comes, since two managers may both send it, and so is a
// SIGHUP, of which a terminal that closes makes several. SIGQUIT ends the program at
// any time, with the stacks of all goroutines, and SIGKILL without.
//
// The exit code is the one that a service gave to [Exit], whether it has ended the
// tree with it or was asked to stop; 0 if the program was asked to stop, or ended by
// its own will, and all of it stopped; else 1. Another error of a service that was
// asked to stop is an event of the tree and changes no code. After a SIGINT that
// ended the program at once it is 130, as shells have it.
//
// # Other signals
//
// SIGUSR1 prints the tree, and where the services hang that are starting or
// stopping. SIGHUP calls Options.Reload; without any it means stop, as the terminal
// is gone, and during a stop it means nothing. SIGHUP and SIGINT stay ignored if the
// program was started so, by nohup or by a shell in the background, also in one that
// can reload; of other signals the runtime of Go does not tell. SIGPIPE is caught as
// long as Run runs: when nobody reads stdout or stderr any more, writing there fails
// with EPIPE and the program goes on. Started programs do not inherit that.
// SIGQUIT is Go's own. Windows has none of these but Ctrl-C, which is SIGINT, and the
// closing of the console, which is SIGTERM.
//
// # systemd
//
// If NOTIFY_SOCKET is set (Type=notify or notify-reload), systemd hears READY=1
// when the tree is ready for the first time ([tend.Supervisor.WaitReady]), one line
// of STATUS= at any time, WATCHDOG=1 as long as Options.Live says yes
// (WatchdogSec=), RELOADING=1 around a reload, STOPPING=1 when the stop begins, and
// EXTEND_TIMEOUT_USEC= while it lasts, and while a service is starting that has not
// failed: a start may take as long as the ReadyTimeouts say of services that become
// ready in turn, whatever TimeoutStartSec= is. This is package sdnotify at work: a
// protocol that knows nothing of tend. It is imported rather than handed in, although
// packages of tend do not import each other otherwise, because a unit of Type=notify
// whose program forgot to hand it in would be killed when its start times out.
package app
