package mail

import (
	"bytes"
	"fmt"
	"net"
	netmail "net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	embedded "storefront/internal/embedded/smtp"
	"storefront/internal/errs"
)

func server(t testing.TB, cfg embedded.Config) *embedded.Server {
	t.Helper()
	s, err := embedded.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func message() Message {
	return Message{
		From: "Der Laden für Öl <shop@example.com>", To: "Ada Byron <Ada@example.com>",
		Subject:         "Ihre Bestellung ord_01 ist unterwegs – 3 Sätze Gläser und noch vieles mehr, das nicht auf eine Zeile paßt",
		Text:            "Guten Tag!\n.\nEin Punkt allein beendet nichts.\n" + strings.Repeat("sehr lang ", 300),
		HTML:            "<h1>Guten Tag – 你好</h1>",
		Headers:         map[string]string{"X-Order": "ord_01", "X-Greeting": "Grüße"},
		ListUnsubscribe: "https://shop.example.com/u?t=abc",
	}
}

func TestAMailArrivesAsWritten(t *testing.T) {
	t.Parallel()
	srv := server(t, embedded.Config{Dir: t.TempDir()})
	s := NewSMTP(Config{Addr: srv.SMTPAddr()})
	defer s.Close()
	want := message()
	if err := s.Send(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	mails, err := srv.Mails("ada@example.com", 0)
	if err != nil || len(mails) != 1 {
		t.Fatalf("arrived: %v, %v", mails, err)
	}
	got := mails[0]
	if got.Subject != want.Subject || got.HTML != want.HTML || strings.ReplaceAll(got.Text, "\r\n", "\n") != want.Text {
		t.Fatalf("the mail is %+v", got)
	}
	from, err := netmail.ParseAddress(got.Headers["From"])
	if err != nil || from.Name != "Der Laden für Öl" || from.Address != "shop@example.com" {
		t.Fatalf("From is %q, %v", got.Headers["From"], err)
	}
	for name, value := range map[string]string{
		"List-Unsubscribe": "<https://shop.example.com/u?t=abc>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
		"X-Order": "ord_01", "X-Greeting": "Grüße",
	} {
		if got.Headers[name] != value {
			t.Errorf("%s is %q, want %q", name, got.Headers[name], value)
		}
	}
	if !strings.HasSuffix(got.Headers["Message-Id"], "@example.com>") {
		t.Errorf("Message-ID is %q", got.Headers["Message-Id"])
	}
}

func TestNoHeaderCanBeInjected(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Message){
		"subject":     func(m *Message) { m.Subject = "Hi\r\nBcc: all@example.com" },
		"to":          func(m *Message) { m.To = "ada@example.com\r\nBcc: all@example.com" },
		"two people":  func(m *Message) { m.To = "ada@example.com, bob@example.com" },
		"from":        func(m *Message) { m.From = "shop@example.com>\nX: y" },
		"header":      func(m *Message) { m.Headers = map[string]string{"X-A": "b\nBcc: all@example.com"} },
		"header name": func(m *Message) { m.Headers = map[string]string{"X-A: b\r\nBcc": "all@example.com"} },
		"own header":  func(m *Message) { m.Headers = map[string]string{"bcc": "all@example.com"} },
		"unsubscribe": func(m *Message) { m.ListUnsubscribe = "https://a.example/>\r\nBcc: x" },
		"message id":  func(m *Message) { m.MessageID = "a@b>\r\nBcc: x" },
		"quoted":      func(m *Message) { m.To = "\"a\r\n b\"@example.com" },
		"empty":       func(m *Message) { m.Text, m.HTML = "", "" },
	} {
		m := message()
		change(&m)
		e, err := build(m, time.Now())
		if !errs.Is(err, errs.BadInput) {
			t.Errorf("%s gives %v and %q", name, err, e.data)
		}
		if err != nil && strings.Contains(err.Error(), "@example.com") && !strings.Contains(err.Error(), "name@example.com") && !strings.Contains(err.Error(), "id@example.com") {
			t.Errorf("%s: the error holds an address: %v", name, err)
		}
	}
}

func FuzzBuild(f *testing.F) {
	f.Add("Hello", "value", "Ada <ada@example.com>")
	f.Add("a\rb", " \t ", "\"x y\" <a@b.c>")
	f.Add(strings.Repeat(" ", 200), strings.Repeat("x ", 90), "é@ü.example")
	f.Fuzz(func(t *testing.T, subject, value, to string) {
		m := Message{From: "shop@example.com", To: to, Subject: subject, Text: "x", Headers: map[string]string{"X-A": value}}
		e, err := build(m, time.Now())
		if err != nil {
			return
		}
		parsed, err := netmail.ReadMessage(bytes.NewReader(e.data))
		if err != nil {
			t.Fatalf("cannot be read: %v\n%s", err, e.data)
		}
		if len(parsed.Header) != 9 {
			t.Fatalf("there are %d headers, want 9: %v", len(parsed.Header), parsed.Header)
		}
		if strings.ContainsAny(e.to, "\r\n <>") {
			t.Fatalf("the recipient is %q", e.to)
		}
	})
}

func TestManyMailsOverFewConnections(t *testing.T) {
	t.Parallel()
	srv := server(t, embedded.Config{Dir: t.TempDir()})
	s := NewSMTP(Config{Addr: srv.SMTPAddr(), PoolSize: 3})
	defer s.Close()
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 25 {
				m := message()
				m.To = fmt.Sprintf("person-%d-%d@example.com", w, i)
				if err := s.Send(t.Context(), m); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	mails, err := srv.Mails("", 0)
	if err != nil || len(mails) != 200 {
		t.Fatalf("%d mails arrived, %v", len(mails), err)
	}
	if len(s.idle) > 3 {
		t.Fatalf("%d connections are open, want at most 3", len(s.idle))
	}
}

func TestAServerThatWentAwayAndCameBack(t *testing.T) {
	t.Parallel()
	cfg := embedded.Config{Dir: t.TempDir()}
	srv := server(t, cfg)
	cfg.SMTPAddr = srv.SMTPAddr()
	s := NewSMTP(Config{Addr: cfg.SMTPAddr})
	defer s.Close()
	if err := s.Send(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	srv.Close()
	if err := s.Send(t.Context(), message()); !errs.Is(err, errs.Unavailable) {
		t.Fatalf("without a server Send gives %v", err)
	}
	srv = server(t, cfg)
	if err := s.Send(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	if mails, err := srv.Mails("", 0); err != nil || len(mails) != 2 {
		t.Fatalf("%d mails arrived, %v", len(mails), err)
	}
}

// A server that refuses every recipient, quoting the address.
func TestARefusalIsPermanentAndNamesNobody(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		fmt.Fprint(c, "220 hi\r\n")
		buf := make([]byte, 1024)
		for {
			n, err := c.Read(buf)
			if err != nil {
				return
			}
			switch {
			case bytes.HasPrefix(buf[:n], []byte("RCPT")):
				fmt.Fprint(c, "550 5.1.1 <ada@example.com> unknown\r\n")
			default:
				fmt.Fprint(c, "250 ok\r\n")
			}
		}
	}()
	err = NewSMTP(Config{Addr: ln.Addr().String()}).Send(t.Context(), message())
	if !errs.Is(err, errs.BadInput) || strings.Contains(err.Error(), "ada@") || !strings.Contains(err.Error(), "550") {
		t.Fatalf("a refusal gives %v", err)
	}
}

func BenchmarkSend(b *testing.B) {
	srv := server(b, embedded.Config{Dir: b.TempDir()})
	s := NewSMTP(Config{Addr: srv.SMTPAddr()})
	defer s.Close()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if err := s.Send(b.Context(), message()); err != nil {
				b.Error(err)
			}
		}
	})
}
