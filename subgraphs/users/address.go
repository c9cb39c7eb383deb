package users

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"storefront/internal/errs"
	"storefront/internal/id"
	"storefront/internal/postal"
)

// Limits of an address book.
const (
	MaxAddresses = 50
	MaxLabel     = 100 // characters
)

// Address is one of a person's book. Exactly one of a book that is not empty is the default.
type Address struct {
	ID        string         `bson:"id"`
	Label     *string        `bson:"label,omitempty"`
	Address   postal.Address `bson:"address"`
	IsDefault bool           `bson:"isDefault,omitempty"`
}

// DefaultAddress is the one to begin with at the checkout; nil when the book is empty.
func (u *User) DefaultAddress() *Address {
	for i := range u.Addresses {
		if u.Addresses[i].IsDefault {
			return &u.Addresses[i]
		}
	}
	return nil
}

// Address returns one of the book; nil when it is not there.
func (u *User) Address(addressID string) *Address {
	if i := u.find(addressID); i >= 0 {
		return &u.Addresses[i]
	}
	return nil
}

func (u *User) find(addressID string) int {
	return slices.IndexFunc(u.Addresses, func(a Address) bool { return a.ID == addressID })
}

func (u *User) addAddress(a Address) error {
	if len(u.Addresses) >= MaxAddresses {
		return errs.New(errs.TooMany, "an address book holds at most %d addresses; remove one first", MaxAddresses)
	}
	asDefault := a.IsDefault || len(u.Addresses) == 0
	a.IsDefault = false
	u.Addresses = append(u.Addresses, a)
	if asDefault {
		u.setDefault(a.ID)
	}
	return nil
}

func (u *User) setDefault(addressID string) bool {
	changed := false
	for i := range u.Addresses {
		is := u.Addresses[i].ID == addressID
		changed = changed || u.Addresses[i].IsDefault != is
		u.Addresses[i].IsDefault = is
	}
	return changed
}

// AddAddress puts an address into the caller's book; the first one is the default. It returns its id.
func (s *Service) AddAddress(ctx context.Context, in postal.Address, label *string, asDefault bool) (*User, string, error) {
	a, err := checkAddress(in, label)
	if err != nil {
		return nil, "", err
	}
	a.ID, a.IsDefault = id.New("adr"), asDefault
	u, err := s.mine(ctx, func(u *User) (bool, error) { return true, u.addAddress(a) })
	return u, a.ID, err
}

// UpdateAddress replaces an address; a label that is nil stays.
func (s *Service) UpdateAddress(ctx context.Context, addressID string, in postal.Address, label *string) (*User, error) {
	a, err := checkAddress(in, label)
	if err != nil {
		return nil, err
	}
	return s.changeAddress(ctx, addressID, func(u *User, i int) bool {
		was := u.Addresses[i]
		if label == nil {
			a.Label = was.Label
		}
		a.ID, a.IsDefault = was.ID, was.IsDefault
		u.Addresses[i] = a
		return was.Address != a.Address || value(was.Label) != value(a.Label)
	})
}

// RemoveAddress takes an address out; when it was the default, the oldest left becomes that.
func (s *Service) RemoveAddress(ctx context.Context, addressID string) (*User, error) {
	return s.changeAddress(ctx, addressID, func(u *User, i int) bool {
		was := u.Addresses[i]
		u.Addresses = slices.Delete(u.Addresses, i, i+1)
		if was.IsDefault && len(u.Addresses) > 0 {
			u.setDefault(u.Addresses[0].ID)
		}
		return true
	})
}

// SetDefaultAddress makes an address the default.
func (s *Service) SetDefaultAddress(ctx context.Context, addressID string) (*User, error) {
	return s.changeAddress(ctx, addressID, func(u *User, _ int) bool { return u.setDefault(addressID) })
}

func (s *Service) changeAddress(ctx context.Context, addressID string, change func(u *User, i int) bool) (*User, error) {
	return s.mine(ctx, func(u *User) (bool, error) {
		i := u.find(addressID)
		if i < 0 {
			return false, notFound(errs.New(errs.NotFound, "no address"), "id", "address", addressID)
		}
		return change(u, i), nil
	})
}

func checkAddress(a postal.Address, label *string) (Address, error) {
	for _, part := range []*string{&a.Name, &a.Company, &a.Line1, &a.Line2, &a.City, &a.Region, &a.PostalCode, &a.Phone} {
		*part = strings.TrimSpace(*part)
	}
	if err := a.Check(); err != nil {
		return Address{}, err
	}
	if a.Line1 == "" {
		return Address{}, errs.Input([]string{"address", "line1"}, "say the street and number, or the post box")
	}
	if c := a.Country; len(c) != 2 || c[0] < 'A' || c[0] > 'Z' || c[1] < 'A' || c[1] > 'Z' {
		return Address{}, errs.Input([]string{"address", "country"}, "a country is an ISO 3166-1 code of two capitals, such as DE")
	}
	out := Address{Address: a}
	if l := strings.TrimSpace(value(label)); l != "" {
		if utf8.RuneCountInString(l) > MaxLabel || strings.ContainsAny(l, "\r\n") {
			return Address{}, errs.Input([]string{"label"}, "a label is one line of at most %d characters", MaxLabel)
		}
		out.Label = &l
	}
	return out, nil
}
