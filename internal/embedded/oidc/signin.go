package oidc

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"html/template"
	"net/http"
)

//go:embed signin.html
var signInHTML string

// signIn is the sign-in page. It is a form that posts the fields username and password to the address
// it was shown at; a wrong password shows it again with status 401.
type signIn struct {
	store *storage
	done  func(ctx context.Context, requestID string) string // where to go once signed in
}

type signInView struct {
	Users     []User
	Client    string
	Username  string
	Error     string
	SignedOut bool
	Nonce     string
}

func (p *signIn) show(w http.ResponseWriter, r *http.Request) {
	req, err := p.store.AuthRequestByID(r.Context(), r.FormValue("request"))
	if err != nil {
		p.render(w, http.StatusBadRequest, signInView{Error: err.Error()})
		return
	}
	view := signInView{Users: p.store.users, Client: req.GetClientID()}
	if a, ok := req.(*authRequest); ok {
		view.Username = a.LoginHint
	}
	p.render(w, http.StatusOK, view)
}

func (p *signIn) submit(w http.ResponseWriter, r *http.Request) {
	id := r.FormValue("request")
	username := r.PostFormValue("username")
	err := p.store.signIn(id, username, r.PostFormValue("password"))
	switch {
	case errors.Is(err, errNoRequest):
		p.render(w, http.StatusBadRequest, signInView{Error: err.Error()})
	case err != nil:
		req, reqErr := p.store.AuthRequestByID(r.Context(), id)
		if reqErr != nil {
			p.render(w, http.StatusBadRequest, signInView{Error: reqErr.Error()})
			return
		}
		p.render(w, http.StatusUnauthorized, signInView{
			Users: p.store.users, Client: req.GetClientID(), Username: username,
			Error: "The user name or the password is wrong. Choose a demo user below, or try again."})
	default:
		http.Redirect(w, r, p.done(r.Context(), id), http.StatusFound)
	}
}

func (p *signIn) signedOut(w http.ResponseWriter, _ *http.Request) {
	p.render(w, http.StatusOK, signInView{SignedOut: true})
}

func (p *signIn) render(w http.ResponseWriter, status int, view signInView) {
	view.Nonce = newID()
	page, err := template.New("sign-in").Parse(signInHTML)
	var out bytes.Buffer
	if err == nil {
		err = page.Execute(&out, view)
	}
	if err != nil {
		http.Error(w, "the sign-in page cannot be shown", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Frame-Options", "DENY")
	// No form-action: browsers apply it to the redirect back to the application as well.
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'nonce-"+view.Nonce+"'; script-src 'nonce-"+view.Nonce+"'; frame-ancestors 'none'; base-uri 'none'")
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes()) // the client may be gone
}
