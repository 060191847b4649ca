package sdnotify

import (
	"net"
	"syscall"
	"time"
	"unsafe"
)

const supported = true

// sendTo sends one datagram. The "@" of an abstract name is the net package's
// way of writing it as well as systemd's.
func sendTo(addr, message string, timeout time.Duration) error {
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Net: "unixgram", Name: addr})
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetWriteDeadline(time.Now().Add(timeout)); err != nil {
		return err
	}
	_, err = conn.Write([]byte(message))
	return err
}

// monotonic is CLOCK_MONOTONIC, which the time package keeps to itself.
func monotonic() (time.Duration, bool) {
	const clockMonotonic = 1
	var ts syscall.Timespec
	_, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(&ts)), 0)
	return time.Duration(ts.Nano()), errno == 0
}
