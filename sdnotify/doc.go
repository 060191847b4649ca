// Package sdnotify tells systemd how the program is: that it has started, that
// it stops, that it is still alive. It speaks the protocol of sd_notify(3), which
// other supervisors understand too, and depends on nothing but the standard
// library, not even on tend: package app decides what is said when.
//
// Nothing is said, and that is no error, where nobody listens: if the program was
// not started by something that set NOTIFY_SOCKET, and on systems other than
// Linux, where [Send] always returns false.
//
// All functions may be called at any time from any goroutine. They read the
// environment at each call and never change it. A process that the program
// starts inherits NOTIFY_SOCKET with the rest; whether systemd listens to that
// one too is a matter of NotifyAccess= in the unit.
package sdnotify
