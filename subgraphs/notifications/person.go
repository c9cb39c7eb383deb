package notifications

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"storefront/internal/errs"
	"storefront/internal/identity"
)

// Person is who can be written to: a user, or a guest who has ordered.
type Person struct {
	ID         string   `bson:"_id"` // usr_... or gst_...
	Version    int      `bson:"version"`
	Name       string   `bson:"name,omitempty"`
	Email      string   `bson:"email,omitempty"`
	Locale     string   `bson:"locale,omitempty"`
	Profile    int      `bson:"profile,omitempty"`    // version of the profile that was seen last
	Off        []string `bson:"off,omitempty"`        // what is not wanted, as KIND/CHANNEL; all else is
	Promotable bool     `bson:"promotable,omitempty"` // a user whom a promotion reaches on some channel

	ExpiresAt *time.Time `bson:"expiresAt,omitempty"` // of a guest who has not ordered: then what they want is forgotten
}

// guestsKept is how long what a guest left here is kept where no order is behind it: anybody makes a guest of any
// token. Carts are kept as long.
const guestsKept = 90 * 24 * time.Hour

// guest says whether an owner has not signed in.
func guest(owner string) bool { return strings.HasPrefix(owner, "gst_") }

// expiry is when what an owner leaves at now goes; nil: never.
func expiry(owner string, now time.Time) *time.Time {
	if !guest(owner) {
		return nil
	}
	at := now.Add(guestsKept)
	return &at
}

// Contact is whom an order's mails go to: the address given with the order, not the profile's.
type Contact struct {
	ID      string `bson:"_id"` // ord_...
	Version int    `bson:"version"`
	Owner   string `bson:"owner"`
	Email   string `bson:"email"`
	Locale  string `bson:"locale,omitempty"`
	Number  string `bson:"number"`
}

// Identity is the id and the version.
func (p *Person) Identity() (string, *int) { return p.ID, &p.Version }

// Identity is the id and the version.
func (c *Contact) Identity() (string, *int) { return c.ID, &c.Version }

// NotificationPreference says whether a kind of message is wanted on a channel.
type NotificationPreference struct {
	Kind    NotificationKind
	Channel NotificationChannel
	Enabled bool
}

// NotificationPreferenceInput is what a person sends to change one.
type NotificationPreferenceInput = NotificationPreference

func key(k NotificationKind, c NotificationChannel) string { return string(k) + "/" + string(c) }

// wants reports whether a kind is wanted on a channel. Everything is until it is switched off.
func (p Person) wants(k NotificationKind, c NotificationChannel) bool {
	return c == Email && k.required() || !slices.Contains(p.Off, key(k, c))
}

func (p *Person) prefer(k NotificationKind, c NotificationChannel, enabled bool) {
	p.Off = slices.DeleteFunc(p.Off, func(s string) bool { return s == key(k, c) })
	if !enabled {
		p.Off = append(p.Off, key(k, c))
	}
	slices.Sort(p.Off)
}

// settle works out what is derived.
func (p *Person) settle(now time.Time) {
	if p.ExpiresAt = nil; p.Email == "" {
		p.ExpiresAt = expiry(p.ID, now)
	}
	p.Promotable = strings.HasPrefix(p.ID, "usr_") && (p.wants(Promotional, InApp) || p.Email != "" && p.wants(Promotional, Email))
}

// Preferences lists all kinds on all channels.
func (p Person) Preferences() []NotificationPreference {
	list := make([]NotificationPreference, 0, 2*len(Kinds()))
	for _, k := range Kinds() {
		for _, c := range []NotificationChannel{Email, InApp} {
			list = append(list, NotificationPreference{k, c, p.wants(k, c)})
		}
	}
	return list
}

// PreferencesOf returns the preferences of users, by id; only the caller's own unless the caller is staff.
func (s *Service) PreferencesOf(ctx context.Context, userIDs []string) (map[string][]NotificationPreference, error) {
	who, allowed := identity.From(ctx), []string{}
	for _, user := range userIDs {
		if who.MaySee(user) {
			allowed = append(allowed, user)
		}
	}
	found := make(map[string][]NotificationPreference, len(allowed))
	if len(allowed) == 0 {
		return found, nil
	}
	people, err := s.store.People(ctx, allowed)
	for _, user := range allowed {
		found[user] = people[user].Preferences()
	}
	return found, err
}

// UpdatePreferences changes the caller's own. One that cannot be changed refuses them all.
func (s *Service) UpdatePreferences(ctx context.Context, list []NotificationPreference) ([]NotificationPreference, error) {
	owner, err := ownerOf(ctx)
	if err != nil {
		return nil, err
	}
	if most := 2 * len(Kinds()); len(list) > most {
		return nil, errs.Input([]string{"preferences"}, "there are only %d preferences; send each once", most)
	}
	for i, p := range list {
		if p.Channel == Email && p.Kind.required() && !p.Enabled {
			return nil, errs.Input([]string{"preferences", strconv.Itoa(i), "enabled"},
				"mails of kind %s are part of the contract and cannot be switched off", p.Kind)
		}
	}
	p, err := s.changePerson(ctx, owner, func(p *Person) {
		for _, one := range list {
			p.prefer(one.Kind, one.Channel, one.Enabled)
		}
	})
	return p.Preferences(), err
}

func (s *Service) changePerson(ctx context.Context, owner string, change func(*Person)) (Person, error) {
	return s.store.UpsertPerson(ctx, owner, func(p *Person, _ bool) error {
		p.ID = owner
		change(p)
		p.settle(s.now().UTC().Truncate(time.Millisecond))
		return nil
	})
}

// ownerOf is the caller's owner id; visitors without a guest token have none.
func ownerOf(ctx context.Context) (string, error) {
	owner := identity.From(ctx).Owner()
	if owner == "" {
		return "", errs.New(errs.Unauthenticated, "sign in, or send the guest token of your cart, so that we know whose these are")
	}
	return owner, nil
}
