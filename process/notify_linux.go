package process

import (
	"crypto/rand"
	"net"
	"os"
	"syscall"
)

// canNotify: there is a notify socket.
const canNotify = true

type notifySocket = *net.UnixConn

// listen opens the notify socket, an abstract one that leaves nothing behind in
// the file system, and tells the child of it.
func (r *run) listen() error {
	addr := &net.UnixAddr{Net: "unixgram", Name: "@tend-notify-" + rand.Text()}
	conn, err := net.ListenUnixgram("unixgram", addr)
	if err != nil {
		return err
	}
	if err := passCredentials(conn); err != nil {
		_ = conn.Close()
		return err
	}
	r.setenv("NOTIFY_SOCKET", addr.Name)
	notes, closed := make(chan note), make(chan struct{})
	r.notes = notes
	r.socket = conn
	r.closers = append(r.closers, func() {
		close(closed)
		_ = conn.Close()
	})
	users := trusted(r.cmd.SysProcAttr)
	r.helper("the notify socket", func() {
		defer close(notes)
		for {
			n, ok := receive(conn, users)
			if !ok {
				return
			}
			select {
			case notes <- n:
			case <-closed:
				n.close()
				return
			}
		}
	})
	return nil
}

// endNotes returns what was sent before now, then ends the reading: a message
// of ours comes behind all others.
func (r *run) endNotes() <-chan note {
	if r.notes == nil {
		none := make(chan note)
		close(none)
		return none
	}
	r.say(endOfNotes)
	return r.notes
}

// What this program itself says on the socket; a message of its own comes behind all
// that were sent before.
const (
	endOfNotes = "END=1"
	markOfOurs = "MARK=1"
)

// mark makes a note with mark come after all that wait in the socket.
func (r *run) mark() { r.say(markOfOurs) }

// say writes to the socket without waiting: it may be full, and whoever reads it waits
// for this goroutine.
func (r *run) say(text string) {
	r.helper("the notify socket", func() {
		addr, _ := r.socket.LocalAddr().(*net.UnixAddr)
		if _, err := r.socket.WriteToUnix([]byte(text), addr); err != nil {
			_ = r.socket.Close()
		}
	})
}

func passCredentials(conn *net.UnixConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var opt error
	err = raw.Control(func(fd uintptr) {
		opt = os.NewSyscallError("setsockopt", syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_PASSCRED, 1))
	})
	if err != nil {
		return err
	}
	return opt
}

// trusted are the users whose messages count: anybody who can list the abstract
// sockets of the system can write to this one.
func trusted(attr *syscall.SysProcAttr) map[uint32]bool {
	users := map[uint32]bool{0: true, uint32(os.Getuid()): true, uint32(os.Geteuid()): true}
	if attr != nil && attr.Credential != nil {
		users[attr.Credential.Uid] = true
	}
	return users
}

// receive returns the next message of a trusted user. It is false when there is
// no other to come.
func receive(conn *net.UnixConn, users map[uint32]bool) (note, bool) {
	const maxFiles = 253 // SCM_MAX_FD
	buf := make([]byte, maxNote+1)
	oob := make([]byte, syscall.CmsgSpace(syscall.SizeofUcred)+syscall.CmsgSpace(maxFiles*4))
	for {
		n, oobn, _, _, err := conn.ReadMsgUnix(buf, oob)
		if err != nil {
			return note{}, false
		}
		from, files := ancillary(oob[:oobn])
		switch {
		case from != nil && int(from.Pid) == os.Getpid():
			return note{mark: true}, string(buf[:n]) != endOfNotes
		case from != nil && users[from.Uid] && n <= maxNote:
			message := parseNote(buf[:n])
			message.files = files
			return message, true
		}
		(&note{files: files}).close()
	}
}

// ancillary returns the credentials and descriptors that came with a message.
func ancillary(oob []byte) (from *syscall.Ucred, files []int) {
	messages, err := syscall.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, nil
	}
	for _, m := range messages {
		if m.Header.Level != syscall.SOL_SOCKET {
			continue
		}
		switch m.Header.Type {
		case syscall.SCM_CREDENTIALS:
			from, _ = syscall.ParseUnixCredentials(&m) // nil if malformed
		case syscall.SCM_RIGHTS:
			fds, _ := syscall.ParseUnixRights(&m) // none if malformed
			files = append(files, fds...)
		}
	}
	return from, files
}

// close closes the descriptors that came with the message, which nothing here
// stores. It is the last thing done with a message, because that is what the
// sender of BARRIER=1 waits for.
func (n *note) close() {
	for _, fd := range n.files {
		_ = syscall.Close(fd)
	}
}
