//go:build unix

package http1

import (
	"net"
	"syscall"
)

// readable reports whether a read would return at once: the other side has closed the connection, or
// has said something that nobody asked for.
func readable(raw net.Conn) bool {
	sc, ok := raw.(syscall.Conn)
	if !ok {
		return false
	}
	rc, err := sc.SyscallConn()
	if err != nil {
		return true
	}
	pending := true
	err = rc.Read(func(fd uintptr) bool {
		var b [1]byte
		_, err := syscall.Read(int(fd), b[:])
		pending = err != syscall.EAGAIN && err != syscall.EWOULDBLOCK
		return true
	})
	return pending || err != nil
}
