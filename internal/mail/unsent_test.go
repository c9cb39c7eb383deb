package mail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"testing"

	"storefront/internal/errs"
)

// Only a mail whose content no server has begun to read is unsent; one that was refused is not.
func TestWhatNoServerWasHandedIsUnsent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		at, says string // the command that it goes away with, unless it says something
		want     bool
	}{
		"greeting":  {"", "", true},
		"sender":    {"MAIL", "", true},
		"recipient": {"RCPT", "", true},
		"content":   {"the mail itself", "", false},
		"later":     {"RCPT", "451 4.7.1 later", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go func() {
				c1, err := ln.Accept()
				if err != nil {
					return
				}
				defer c1.Close()
				stay := func() { cancel() } // it says nothing any more, and the sender does not wait
				if c.at == "" {
					stay()
					c1.Read(make([]byte, 1))
					return
				}
				fmt.Fprint(c1, "220 hi\r\n")
				buf, asked := make([]byte, 64<<10), false
				for {
					n, err := c1.Read(buf)
					switch got := buf[:n]; {
					case err != nil:
						return
					case asked || bytes.HasPrefix(got, []byte(c.at)):
						if c.says == "" {
							stay()
							continue
						}
						fmt.Fprint(c1, c.says+"\r\n")
					case bytes.HasPrefix(got, []byte("DATA")):
						fmt.Fprint(c1, "354 go on\r\n")
						asked = true // what comes is content
					default:
						fmt.Fprint(c1, "250 ok\r\n")
					}
				}
			}()
			s := NewSMTP(Config{Addr: ln.Addr().String()})
			defer s.Close()
			err = s.Send(ctx, message())
			if !errs.Is(err, errs.Unavailable) || errors.Is(err, ErrUnsent) != c.want {
				t.Errorf("Send gives %v", err)
			}
		})
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	if err := NewSMTP(Config{Addr: ln.Addr().String()}).Send(t.Context(), message()); !errs.Is(err, errs.Unavailable) || !errors.Is(err, ErrUnsent) {
		t.Errorf("without a server Send gives %v", err)
	}
}
