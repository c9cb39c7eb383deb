package mail

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"maps"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"storefront/internal/errs"
	"storefront/internal/postal"
)

// ownHeaders are those that Message sets; Headers may not.
func ownHeaders() []string {
	return []string{"From", "To", "Cc", "Bcc", "Sender", "Return-Path", "Subject", "Date", "Message-Id", "Mime-Version",
		"Content-Type", "Content-Transfer-Encoding", "List-Unsubscribe", "List-Unsubscribe-Post"}
}

// envelope is a message ready to send.
type envelope struct {
	from, to string // bare addresses in ASCII
	data     []byte // with CRLF line ends
}

// build checks the message and writes it; now is its date.
func build(m Message, now time.Time) (envelope, error) {
	from, err := parseAddress("from", m.From)
	if err != nil {
		return envelope{}, err
	}
	to, err := parseAddress("to", m.To)
	if err != nil {
		return envelope{}, err
	}
	if m.Text == "" && m.HTML == "" {
		return envelope{}, errs.Input([]string{"text"}, "a mail needs a text or an HTML body")
	}
	var b bytes.Buffer
	w := &headerWriter{b: &b}
	w.raw("From", from.String())
	w.raw("To", to.String())
	w.text("Subject", m.Subject)
	w.raw("Date", now.Format(time.RFC1123Z))
	w.messageID(m.MessageID, from.Address)
	w.unsubscribe(m.ListUnsubscribe)
	for _, name := range slices.Sorted(maps.Keys(m.Headers)) {
		if slices.Contains(ownHeaders(), textproto.CanonicalMIMEHeaderKey(name)) {
			w.fail(name, "is set from the message's own fields; leave it out")
		}
		w.text(name, m.Headers[name])
	}
	w.raw("MIME-Version", "1.0")
	if w.err != nil {
		return envelope{}, w.err
	}
	if err := writeBody(&b, m); err != nil {
		return envelope{}, fmt.Errorf("write mail: %w", err)
	}
	return envelope{from: from.Address, to: to.Address, data: b.Bytes()}, nil
}

func parseAddress(field, s string) (*netmail.Address, error) {
	a, err := netmail.ParseAddress(s)
	if err != nil || strings.ContainsAny(s, "\r\n") {
		return nil, errs.Input([]string{field}, "it is not a mail address; write it as name@example.com")
	}
	a.Address, err = postal.ASCIIEmail([]string{field}, a.Address)
	return a, err
}

// headerWriter writes header lines and keeps the first error.
type headerWriter struct {
	b   *bytes.Buffer
	err error
}

func (w *headerWriter) fail(name, why string) {
	if w.err == nil {
		w.err = errs.Input([]string{"headers", name}, "header %q %s", name, why)
	}
}

// text writes a value of any characters, in encoded words where it needs them.
func (w *headerWriter) text(name, value string) {
	if strings.ContainsAny(value, "\r\n\x00") || !utf8.ValidString(value) {
		w.fail(name, "must be one line of UTF-8")
		return
	}
	w.raw(name, mime.QEncoding.Encode("utf-8", value))
}

// raw writes a value of printable ASCII, folded at its spaces (RFC 5322, section 2.2.3).
func (w *headerWriter) raw(name, value string) {
	if name == "" || strings.IndexFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || r == ':' }) >= 0 {
		w.fail(name, "is not a header's name")
		return
	}
	if strings.IndexFunc(value, func(r rune) bool { return (r < ' ' && r != '\t') || r > '~' }) >= 0 {
		w.fail(name, "must be one line of printable characters")
		return
	}
	line := name + ":"
	for i, word := range strings.Split(value, " ") {
		// A line of spaces only would end the headers for some readers, so an empty word never folds.
		if i > 0 && word != "" && len(line)+1+len(word) > 76 {
			w.b.WriteString(line + "\r\n")
			line = ""
		}
		line += " " + word
	}
	if len(line) > 990 {
		w.fail(name, "holds a word that is too long for a line")
		return
	}
	w.b.WriteString(line + "\r\n")
}

func (w *headerWriter) messageID(id, from string) {
	if id == "" {
		id = rand.Text() + from[strings.LastIndexByte(from, '@'):]
	}
	if strings.ContainsAny(id, "<> \t") || strings.Count(id, "@") != 1 {
		w.fail("Message-ID", "must look like id@example.com")
		return
	}
	w.raw("Message-ID", "<"+id+">")
}

func (w *headerWriter) unsubscribe(link string) {
	if link == "" {
		return
	}
	u, err := url.Parse(link)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || strings.ContainsAny(link, "<> \t,") {
		w.fail("List-Unsubscribe", "must be one https URL")
		return
	}
	w.raw("List-Unsubscribe", "<"+link+">")
	w.raw("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
}

func writeBody(b *bytes.Buffer, m Message) error {
	if m.Text == "" || m.HTML == "" {
		kind, body := "text/plain", m.Text
		if m.Text == "" {
			kind, body = "text/html", m.HTML
		}
		fmt.Fprintf(b, "Content-Type: %s; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n", kind)
		return writeQuoted(b, body)
	}
	var parts bytes.Buffer
	mw := multipart.NewWriter(&parts)
	// The richest comes last (RFC 2046, section 5.1.4).
	for _, p := range []struct{ kind, body string }{{"text/plain", m.Text}, {"text/html", m.HTML}} {
		part, err := mw.CreatePart(textproto.MIMEHeader{
			"Content-Type":              {p.kind + "; charset=utf-8"},
			"Content-Transfer-Encoding": {"quoted-printable"},
		})
		if err != nil {
			return err
		}
		var quoted bytes.Buffer
		if err := writeQuoted(&quoted, p.body); err != nil {
			return err
		}
		if _, err := part.Write(quoted.Bytes()); err != nil {
			return err
		}
	}
	if err := mw.Close(); err != nil {
		return err
	}
	fmt.Fprintf(b, "Content-Type: multipart/alternative;\r\n boundary=%q\r\n\r\n", mw.Boundary())
	b.Write(parts.Bytes())
	return nil
}

func writeQuoted(b *bytes.Buffer, body string) error {
	body = strings.ReplaceAll(strings.ToValidUTF8(body, "\uFFFD"), "\r\n", "\n")
	q := quotedprintable.NewWriter(b)
	if _, err := q.Write([]byte(strings.ReplaceAll(body, "\n", "\r\n"))); err != nil {
		return err
	}
	return q.Close()
}
