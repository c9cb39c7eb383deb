package smtp

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strconv"
	"strings"
	"time"
)

// Mail is a mail as a person reads it.
type Mail struct {
	ID      string            `json:"id"`
	From    string            `json:"from"` // as in the envelope
	To      []string          `json:"to"`   // as in the envelope, lower case
	Subject string            `json:"subject"`
	Date    time.Time         `json:"date"` // when it came
	Headers map[string]string `json:"headers"`
	Text    string            `json:"text"`
	HTML    string            `json:"html"`
}

func (b *mailbox) read(id int64) (Mail, error) {
	e, raw, err := b.get(id)
	if err != nil {
		return Mail{}, err
	}
	m := Mail{ID: strconv.FormatInt(e.id, 10), From: e.from, To: e.to, Subject: e.subject, Date: e.received.UTC(), Headers: map[string]string{}}
	msg, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		m.Text = string(raw) // not a mail by its form; shown as it came
		return m, nil
	}
	for name, values := range msg.Header {
		m.Headers[name] = decodeWords(strings.Join(values, ", "))
	}
	m.addPart(textproto.MIMEHeader(msg.Header), msg.Body, 0)
	return m, nil
}

// addPart takes the first text and the first HTML of the mail's parts. What cannot be read is left out.
func (m *Mail) addPart(h textproto.MIMEHeader, body io.Reader, depth int) {
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		kind = "text/plain"
	}
	if strings.HasPrefix(kind, "multipart/") && depth < 8 {
		parts := multipart.NewReader(body, params["boundary"])
		for {
			p, err := parts.NextRawPart()
			if err != nil {
				return
			}
			m.addPart(p.Header, p, depth+1)
		}
	}
	if strings.HasPrefix(h.Get("Content-Disposition"), "attachment") {
		return
	}
	switch strings.ToLower(h.Get("Content-Transfer-Encoding")) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	content, err := io.ReadAll(body)
	if err != nil && len(content) == 0 {
		return
	}
	text := strings.ToValidUTF8(string(content), "\uFFFD")
	switch {
	case kind == "text/html" && m.HTML == "":
		m.HTML = text
	case kind == "text/plain" && m.Text == "":
		m.Text = text
	}
}

func decodeWords(s string) string {
	decoded, err := new(mime.WordDecoder).DecodeHeader(s)
	if err != nil {
		return s
	}
	return decoded
}
