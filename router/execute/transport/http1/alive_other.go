//go:build !unix

package http1

import "net"

// readable cannot be asked of this system without reading.
func readable(net.Conn) bool { return false }
