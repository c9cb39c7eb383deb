package smtp

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"html/template"
	"net"
	"net/http"
	"strconv"
	"time"
)

//go:embed page.html
var pageHTML string

type page struct {
	box  *mailbox
	tmpl *template.Template
}

const (
	pageLimit = 200 // mails on the list
	apiLimit  = 100 // mails in one answer, unless ?limit= says otherwise
)

// newPage serves "/" (a list, ?to= narrows it), "/mail/{id}", "/mail/{id}/html", "/mail/{id}/raw" and
// "/api/mails" (JSON, newest first, ?to= and ?limit=).
func newPage(box *mailbox) http.Handler {
	p := &page{box: box, tmpl: template.Must(template.New("page").Funcs(template.FuncMap{
		"ago": func(t time.Time) string { return t.Local().Format("2 Jan 15:04:05") },
	}).Parse(pageHTML))}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.list)
	mux.HandleFunc("GET /mail/{id}", p.show)
	mux.HandleFunc("GET /mail/{id}/html", p.html)
	mux.HandleFunc("GET /mail/{id}/raw", p.raw)
	mux.HandleFunc("GET /api/mails", p.api)
	return onlyLoopback(mux)
}

// onlyLoopback refuses requests under another host's name, so that no web page can read the mails by
// pointing a name of its own at this machine.
func onlyLoopback(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			http.Error(w, "open this page as http://127.0.0.1", http.StatusForbidden)
			return
		}
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "no-referrer")
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

type listView struct {
	To    string
	Total int
	Mails []rowView
	Mail  *Mail
}

type rowView struct {
	ID       int64
	From     string
	To       []string
	Subject  string
	Received time.Time
}

func (p *page) list(w http.ResponseWriter, r *http.Request) {
	view := listView{To: r.FormValue("to")}
	var entries []entry
	entries, view.Total = p.box.list(view.To, pageLimit)
	for _, e := range entries {
		view.Mails = append(view.Mails, rowView{e.id, e.from, e.to, e.subject, e.received})
	}
	p.render(w, view)
}

func (p *page) show(w http.ResponseWriter, r *http.Request) {
	m, ok := p.mail(w, r)
	if ok {
		p.render(w, listView{Mail: &m})
	}
}

// html is the mail's HTML alone; it runs no script and its links open elsewhere.
func (p *page) html(w http.ResponseWriter, r *http.Request) {
	m, ok := p.mail(w, r)
	if !ok {
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src * data:; style-src 'unsafe-inline'")
	_, _ = w.Write([]byte(`<base target="_blank">` + m.HTML))
}

func (p *page) raw(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		http.Error(w, errNoMail.Error(), http.StatusNotFound)
		return
	}
	_, raw, err := p.box.get(id)
	if err != nil {
		p.fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write(raw)
}

func (p *page) api(w http.ResponseWriter, r *http.Request) {
	limit := apiLimit
	if s := r.FormValue("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > 10_000 {
			http.Error(w, "limit must be a number from 1 to 10000", http.StatusBadRequest)
			return
		}
		limit = n
	}
	mails, err := p.box.find(r.FormValue("to"), limit)
	if err != nil {
		p.fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(mails) // the client may be gone
}

func (p *page) mail(w http.ResponseWriter, r *http.Request) (Mail, bool) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		http.Error(w, errNoMail.Error(), http.StatusNotFound)
		return Mail{}, false
	}
	m, err := p.box.read(id)
	if err != nil {
		p.fail(w, err)
		return Mail{}, false
	}
	return m, true
}

func (p *page) fail(w http.ResponseWriter, err error) {
	if errors.Is(err, errNoMail) {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	p.box.log.Error("mail cannot be shown", "error", err)
	http.Error(w, "the mail cannot be read", http.StatusInternalServerError)
}

func (p *page) render(w http.ResponseWriter, view listView) {
	var out bytes.Buffer
	if err := p.tmpl.Execute(&out, view); err != nil {
		p.fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; form-action 'self'; base-uri 'none'")
	_, _ = w.Write(out.Bytes())
}
