// Package telemetry is how a process tells what it does: logs, metrics, traces.
//
// Logs are text for a person on a terminal and JSON elsewhere, and never hold a token, a password, a
// card number or a mail address: a filter looks at every attribute, whoever wrote it.
package telemetry

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"strings"
)

// NewLogger writes to w, as text when w is a terminal. level is debug, info, warn or error.
func NewLogger(w io.Writer, level string) *slog.Logger {
	var l slog.Level
	if l.UnmarshalText([]byte(level)) != nil {
		l = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: l, ReplaceAttr: redact}
	if IsTerminal(w) {
		options.ReplaceAttr = func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.TimeKey {
				return slog.String(slog.TimeKey, a.Value.Time().Format("15:04:05.000"))
			}
			return redact(groups, a)
		}
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

// IsTerminal reports whether a person is looking at w.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

var (
	secretKeys = []string{"token", "password", "secret", "authorization", "cookie", "email", "card"}
	mailLike   = regexp.MustCompile(`[\pL\pN_.+%'-]+@(?:[\pL\pN-]+\.)+\pL{2,}`) // not module@v1.2.3
	cardLike   = regexp.MustCompile(`\b\d(?:[ -]?\d){12,18}\b`)
	bearerLike = regexp.MustCompile(`(?i)bearer\s+\S+|\beyJ[\w-]+\.[\w-]+\.[\w-]+`)
	keyLike    = regexp.MustCompile(`\b(?:sfk|whsec|sk_live|sk_test|rk_live|rk_test)_[\w+/=-]{8,}`) // of ours, and of Stripe's
	userInfo   = regexp.MustCompile(`://[^/\s"'<>]*@`)                                              // of Redis it is a password alone; that may have an @ in it
)

const redacted = "[redacted]"

func redact(_ []string, a slog.Attr) slog.Attr {
	key := strings.ToLower(a.Key)
	for _, s := range secretKeys {
		if strings.Contains(key, s) {
			return slog.String(a.Key, redacted)
		}
	}
	switch a.Value.Kind() {
	case slog.KindString:
		return slog.String(a.Key, Scrub(a.Value.String()))
	case slog.KindAny:
		switch v := a.Value.Any().(type) {
		case error:
			return slog.String(a.Key, Scrub(v.Error()))
		case []string:
			return slog.String(a.Key, Scrub(strings.Join(v, " ")))
		case fmt.Stringer:
			return slog.String(a.Key, Scrub(v.String()))
		default:
			if text, err := json.Marshal(v); err == nil {
				if clean := Scrub(string(text)); clean != string(text) {
					return slog.String(a.Key, clean)
				}
			}
		}
	}
	return a
}

// Scrub takes mail addresses, card numbers, bearer tokens, keys and passwords in URLs out of s.
func Scrub(s string) string {
	if len(s) < 6 {
		return s
	}
	s = userInfo.ReplaceAllString(s, "://"+redacted+"@")
	s = bearerLike.ReplaceAllString(s, redacted)
	s = keyLike.ReplaceAllString(s, redacted)
	s = mailLike.ReplaceAllString(s, redacted)
	return cardLike.ReplaceAllStringFunc(s, func(digits string) string {
		if luhn(digits) {
			return redacted
		}
		return digits
	})
}

// luhn tells card numbers from other long numbers, such as times in nanoseconds.
func luhn(s string) bool {
	sum, double := 0, false
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] < '0' || s[i] > '9' {
			continue
		}
		d := int(s[i] - '0')
		if double {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum, double = sum+d, !double
	}
	return sum%10 == 0
}
