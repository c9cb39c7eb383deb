package users

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/language"

	"storefront/events"
	"storefront/internal/errs"
	"storefront/internal/identity"
	"storefront/internal/outbox"
	"storefront/internal/postal"
)

// Limits of a profile.
const (
	MaxName  = 200 // characters
	MaxRoles = 20
)

// User is a person who signed in at least once.
type User struct {
	ID        string    `bson:"_id"`
	Version   int       `bson:"version"`
	Name      *string   `bson:"name,omitempty"`
	Email     *string   `bson:"email,omitempty"`
	Locale    *string   `bson:"locale,omitempty"`
	Roles     []string  `bson:"roles"`
	Edited    []string  `bson:"edited,omitempty"` // fields that a sign-in does not change any more
	Addresses []Address `bson:"addresses"`
	CreatedAt time.Time `bson:"createdAt"`
}

const (
	fieldName   = "name"
	fieldEmail  = "email"
	fieldLocale = "locale"
	fieldRoles  = "roles"
)

// Identity is the id and the version.
func (u *User) Identity() (string, *int) { return u.ID, &u.Version }

// IsEntity marks User as an entity of the graph.
func (User) IsEntity() {}

// ProfileInput is what a person changes of their profile; nil leaves it as it is.
type ProfileInput struct {
	Name   *string
	Email  *string
	Locale *string
}

func (in ProfileInput) check() (ProfileInput, error) {
	trim := func(p *string) *string {
		if p == nil {
			return nil
		}
		s := strings.TrimSpace(*p)
		return &s
	}
	in = ProfileInput{trim(in.Name), trim(in.Email), trim(in.Locale)}
	if n := value(in.Name); utf8.RuneCountInString(n) > MaxName || strings.ContainsAny(n, "\r\n\t") {
		return in, errs.Input([]string{"input", fieldName}, "a name is one line of at most %d characters", MaxName)
	}
	if postal.HasLink(value(in.Name)) { // mails greet by it, at an address that nobody has checked
		return in, errs.Input([]string{"input", fieldName}, "a name has no link in it; write it without")
	}
	if e := value(in.Email); e != "" {
		if err := postal.CheckEmail([]string{"input", fieldEmail}, e); err != nil {
			return in, err
		}
	}
	if l := value(in.Locale); l != "" {
		tag, err := language.Parse(l)
		if err != nil || len(l) > 35 {
			return in, errs.Input([]string{"input", fieldLocale}, "this is not a language tag of BCP 47, such as de-AT")
		}
		l = tag.String()
		in.Locale = &l
	}
	return in, nil
}

// edit takes over what is given and reports whether anything differs.
func (u *User) edit(in ProfileInput, who identity.Identity) bool {
	changed := false
	for _, f := range u.profile(who) {
		given := map[string]*string{fieldName: in.Name, fieldEmail: in.Email, fieldLocale: in.Locale}[f.name]
		switch {
		case given == nil:
		case *given == "":
			u.Edited = slices.DeleteFunc(u.Edited, func(name string) bool { return name == f.name })
			changed = put(f.at, f.said) || changed
		default:
			u.keep(f.name)
			changed = put(f.at, *given) || changed
		}
	}
	return changed
}

// signIn takes over what the identity provider says, except what was edited here. What it does not say
// stays as it is.
func (u *User) signIn(who identity.Identity) bool {
	changed := false
	for _, f := range u.profile(who) {
		if f.said != "" && !slices.Contains(u.Edited, f.name) {
			changed = put(f.at, f.said) || changed
		}
	}
	if roles := slices.Sorted(slices.Values(who.Roles)); !slices.Contains(u.Edited, fieldRoles) && !slices.Equal(u.Roles, roles) {
		u.Roles, changed = append([]string{}, roles...), true
	}
	return changed
}

type profileField struct {
	name string
	at   **string
	said string // by the identity provider
}

// profile leaves out an address that no mail can be sent to.
func (u *User) profile(who identity.Identity) []profileField {
	email := who.Email
	if postal.CheckEmail(nil, email) != nil {
		email = ""
	}
	return []profileField{{fieldName, &u.Name, who.Name}, {fieldEmail, &u.Email, email}, {fieldLocale, &u.Locale, who.Locale}}
}

func (u *User) setRoles(roles []string) bool {
	u.keep(fieldRoles)
	if slices.Equal(u.Roles, roles) {
		return false
	}
	u.Roles = roles
	return true
}

func (u *User) keep(field string) {
	if !slices.Contains(u.Edited, field) {
		u.Edited = append(u.Edited, field)
	}
}

// updated is the event of a change; none when nothing differs.
func (u *User) updated(changed bool, now events.Stamp) []outbox.Event {
	if !changed {
		return nil
	}
	return []outbox.Event{events.UserUpdated{Stamp: now, ID: u.ID, Name: value(u.Name), Email: value(u.Email), Locale: value(u.Locale), Version: u.Version + 1}}
}

var roleForm = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,49}$`)

func checkRoles(roles []string) ([]string, error) {
	if len(roles) > MaxRoles {
		return nil, errs.Input([]string{fieldRoles}, "a person has at most %d roles", MaxRoles)
	}
	for _, r := range roles {
		if !roleForm.MatchString(r) {
			return nil, errs.Input([]string{fieldRoles}, "a role is at most 50 small letters, digits, - and _, such as staff")
		}
	}
	return append([]string{}, slices.Compact(slices.Sorted(slices.Values(roles)))...), nil
}

func put(at **string, s string) bool {
	if value(*at) == s {
		return false
	}
	*at = nil
	if s != "" {
		*at = &s
	}
	return true
}

func value(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// notFound names the input field of a thing that is not there, or not the caller's.
func notFound(err error, field, what, id string) error {
	if !errs.Is(err, errs.NotFound) {
		return err
	}
	return &errs.Error{Code: errs.NotFound, Message: "there is no " + what + " " + id, Field: []string{field}}
}
