package notifications

import (
	"crypto/hmac"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"strings"
)

// UnsubscribePath is where HTTP's page is reached, below the public URL.
const UnsubscribePath = "/unsubscribe"

//go:embed templates/unsubscribe.html
var unsubscribeHTML embed.FS

func (s *Service) unsubscribeURL(owner string, kind NotificationKind) string {
	body := base64.RawURLEncoding.EncodeToString([]byte(owner + " " + string(kind)))
	return s.publicURL + UnsubscribePath + "?token=" + url.QueryEscape(body+"."+s.seal(body))
}

// seal proves that we made a token. The words before it keep it apart from other uses of the secret.
func (s *Service) seal(body string) string {
	m := hmac.New(sha256.New, s.secret)
	m.Write([]byte("storefront unsubscribe\x00" + body))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

func (s *Service) openToken(token string) (owner string, kind NotificationKind, ok bool) {
	body, seal, _ := strings.Cut(token, ".")
	if !hmac.Equal([]byte(seal), []byte(s.seal(body))) {
		return "", "", false
	}
	b, err := base64.RawURLEncoding.DecodeString(body)
	owner, name, _ := strings.Cut(string(b), " ")
	return owner, NotificationKind(name), err == nil
}

type unsubscribePage struct {
	Lang, Shop, State, Kind string
	German                  bool
}

// HTTP serves UnsubscribePath. GET asks by a button, so that a mail scanner which follows links takes
// nobody off a list; POST does it at once, as mail programs do it by the mail's headers (RFC 8058).
func (s *Service) HTTP() (http.Handler, error) {
	page, err := template.ParseFS(unsubscribeHTML, "templates/unsubscribe.html")
	if err != nil {
		return nil, err
	}
	show := func(w http.ResponseWriter, status int, p unsubscribePage) {
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'")
		h.Set("Referrer-Policy", "no-referrer") // the address holds the token
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		w.WriteHeader(status)
		p.Shop, p.German = s.shop, p.Lang == "de"
		if err := page.Execute(w, p); err != nil {
			s.log.Debug("write the unsubscribe page", "error", err)
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := unsubscribePage{Lang: language(r.Header.Get("Accept-Language"))}
		owner, kind, ok := s.openToken(r.URL.Query().Get("token"))
		p.Kind = string(kind)
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost:
			w.Header().Set("Allow", "GET, HEAD, POST")
			w.WriteHeader(http.StatusMethodNotAllowed)
		case !ok:
			p.State = "unknown"
			show(w, http.StatusNotFound, p)
		case r.Method != http.MethodPost:
			p.State = "ask"
			show(w, http.StatusOK, p)
		default:
			if _, err := s.changePerson(r.Context(), owner, func(p *Person) { p.prefer(kind, Email, false) }); err != nil {
				s.log.WarnContext(r.Context(), "unsubscribe", "owner", owner, "error", err)
				p.State = "failed"
				show(w, http.StatusServiceUnavailable, p)
				return
			}
			p.State = "done"
			show(w, http.StatusOK, p)
		}
	}), nil
}
