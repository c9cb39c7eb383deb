// Package identity says who is asking, and carries that from the router to the subgraphs in a header
// that a client cannot forge: the router signs it, a subgraph refuses every call without it.
//
// An owner id stands for whoever owns a cart, an order or a payment: usr_... for a person, made of the
// OIDC issuer and subject, or gst_... for a guest, made of the secret token the guest holds. So every
// service knows the owner without asking another service.
package identity

import (
	"context"
	"slices"

	"storefront/internal/errs"
	"storefront/internal/id"
)

// Roles that mean something to the services.
const (
	RoleStaff = "staff"
)

// Identity is the one who is asking. The zero value is nobody: an anonymous visitor.
type Identity struct {
	User    string   `json:"user,omitempty"`  // usr_..., "" when not signed in
	Guest   string   `json:"guest,omitempty"` // gst_..., "" without a guest token; both may be set
	Issuer  string   `json:"iss,omitempty"`
	Subject string   `json:"sub,omitempty"`
	Name    string   `json:"name,omitempty"`
	Email   string   `json:"email,omitempty"`
	Locale  string   `json:"locale,omitempty"`
	Client  string   `json:"client,omitempty"` // OIDC client id
	Roles   []string `json:"roles,omitempty"`
	Scopes  []string `json:"scopes,omitempty"`

	Claims map[string][]string `json:"-"` // of the token, that the router's policies ask for; they go no further
}

// UserID is the owner id of a person.
func UserID(issuer, subject string) string { return id.Of("usr", issuer, subject) }

// GuestID is the owner id of whoever holds a guest token.
func GuestID(token string) string { return id.Of("gst", "guest", token) }

// Owner is the id under which what the caller makes is kept: the person's, else the guest's, else "".
func (i Identity) Owner() string {
	if i.User != "" {
		return i.User
	}
	return i.Guest
}

// SignedIn reports whether a person or a client signed in.
func (i Identity) SignedIn() bool { return i.User != "" }

// Staff reports whether the caller works for the shop.
func (i Identity) Staff() bool { return slices.Contains(i.Roles, RoleStaff) }

// Owns reports whether owner is the caller.
func (i Identity) Owns(owner string) bool {
	return owner != "" && (owner == i.User || owner == i.Guest)
}

// MaySee reports whether the caller owns it or is staff.
func (i Identity) MaySee(owner string) bool { return i.Owns(owner) || i.Staff() }

// RequireStaff returns an error unless the caller is staff.
func (i Identity) RequireStaff() error {
	switch {
	case i.Staff():
		return nil
	case i.User == "":
		return errs.New(errs.Unauthenticated, "sign in as staff to do this")
	}
	return errs.New(errs.Forbidden, "only staff may do this")
}

// SignInFirst is what those are told who have not signed in.
const SignInFirst = "sign in first: send a bearer token in the header authorization"

// RequireUser returns an error unless a person is signed in.
func (i Identity) RequireUser() error {
	if i.User == "" {
		return errs.New(errs.Unauthenticated, SignInFirst)
	}
	return nil
}

type key struct{}

// With returns a context that carries i.
func With(ctx context.Context, i Identity) context.Context { return context.WithValue(ctx, key{}, i) }

// From returns the one who is asking; nobody when ctx carries none.
func From(ctx context.Context) Identity {
	i, _ := ctx.Value(key{}).(Identity)
	return i
}
