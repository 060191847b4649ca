// Package process runs processes of the operating system as services of a
// supervision tree.
//
//	web := &process.Command{
//		Path:  "/usr/local/bin/web",
//		Args:  []string{"-listen", ":8080"},
//		Ready: process.ReadyNotify(),
//	}
//	root.Add(web.Child())
//
// # The life of a process
//
// Each start makes a process that leads a process group of its own. It is up at
// once, or when it says so: by a line, a message to a notify socket, a newline
// on a descriptor, or through a check ([Readiness]). Its output becomes lines.
//
// A stop sends StopSignal and SIGCONT to the whole group, waits for all of it, and
// after StopTimeout sends SIGKILL to the group: a launcher that ends at once does not
// cut its workers short, and one that had to be killed is told as an [*ExitError]. If
// the process exits by itself, or alone was asked to stop (StopLeader), what is left
// of its group gets SIGKILL at once ([KillOrphans]): nobody is there to command it.
// Output may stay open for DrainTimeout more. Then Serve returns, and nothing of
// the run is left: no zombie, descriptor, goroutine or thread (but for a Read that
// does not return, of a Stdin that Setup supplied).
//
// Signals go out only while the process is not reaped, so they never reach a
// stranger with the same number: the exit is noticed first (waitid with WNOWAIT;
// kqueue), the rest of the group is dealt with while the zombie still holds its
// number, and only then is it reaped.
//
// # What counts as what
//
// Only the context of Serve says whether a process was asked to stop. After that it
// may exit with a success, die of StopSignal, or exit with 128 plus its number, as
// shells and the JVM do: all three are a stop as asked. A process that an operator
// ends by hand (kill, SIGTERM) failed, and is started again, which is what a
// supervisor is for; the [ExitError] says "signal: terminated". To keep it down,
// suspend or remove the service.
//
// # What a process inherits
//
// Descriptors 0 to 2 and ExtraFiles, and nothing else that Go code has opened. What
// the calling program has itself inherited (the sockets of LISTEN_FDS) or opened in C
// without close-on-exec goes to every process, and stays open as long as that runs:
// call [syscall.CloseOnExec] for such descriptors first.
//
// A signal that the calling program ignores ([os/signal.Ignore]; SIGHUP under nohup)
// is ignored by each process from its start, unless that sets a handler. If that is
// StopSignal the process may need force, and its error says why; "env
// --default-signal" before the program mends it. A program that ignores SIGCHLD
// cannot run any: their exit status is lost, and their numbers are free at once.
//
// A name without a separator is looked up in the PATH of the calling program, as
// os/exec does it, also if Env holds another PATH: that is the one in which the
// process looks up others.
//
// # What it cannot do
//
// A descendant that starts a session or a group of its own (setsid, a daemon)
// is not reached by any signal of this package. Only a cgroup catches it: give
// the command one in Setup (SysProcAttr.UseCgroupFD). It cannot hold Serve up
// either: output that it keeps open is cut after DrainTimeout.
//
// A process that hangs in the kernel survives SIGKILL. Serve then does not
// return, and the supervisor reports it as stuck: a second copy beside it would
// be worse.
//
// This package neither makes the program a subreaper nor waits for processes
// that it did not start: both would take exit codes away from other users of
// os/exec. A program that runs as process 1 of a container therefore collects
// the zombies of orphans, unless the container has an init (docker run --init).
//
// Without DieWithParent the processes of a program that is killed with SIGKILL
// run on, and nothing finds them again.
//
// Resource limits have no place in [os/exec]; set them in the command (prlimit,
// ulimit) or through a cgroup.
//
// # Systems
//
// Linux is where everything works and is tested. With pidfds that can be polled
// (Linux 5.10) a running process costs five goroutines and four descriptors but
// no thread; before that, and elsewhere, one thread. Who is left of a group is read in
// /proc: without it (a chroot) a stop waits StopTimeout for who may be there, and
// reports the SIGKILL that follows. On Darwin and the BSDs
// there is no DieWithParent and no notify socket, hence no Watchdog: asking for
// them is an error; nor can they say who is left of a group, and the rest of one gets
// SIGKILL when the leader has exited, also after a stop. On Windows there are neither signals nor groups: every stop
// is TerminateProcess of the process itself and its children live on, ReadyFD is
// not possible either, and ExitError has no signal. These systems are built but
// not tested.
//
// Elsewhere (js, wasip1, Plan 9, Solaris, illumos, AIX) it builds, so that a program
// does which also runs on a system with processes, but runs nothing: Serve, Run,
// Validate and what Check makes return an error that is [errors.ErrUnsupported].
package process
