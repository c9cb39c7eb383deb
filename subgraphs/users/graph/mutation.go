package graph

import (
	"context"

	"storefront/internal/gql"
	"storefront/internal/postal"
	"storefront/subgraphs/users"
	"storefront/subgraphs/users/graph/gen"
)

type mutation struct{ users *users.Service }

func (m mutation) ProfileUpdate(ctx context.Context, in users.ProfileInput) (*gen.UserPayload, error) {
	u, err := m.users.UpdateProfile(ctx, in)
	userErrors, err := gql.UserErrors(err)
	return &gen.UserPayload{User: u, UserErrors: userErrors}, err
}

func (m mutation) UserRolesSet(ctx context.Context, id string, roles []string) (*gen.UserPayload, error) {
	u, err := m.users.SetRoles(ctx, id, roles)
	userErrors, err := gql.UserErrors(err)
	return &gen.UserPayload{User: u, UserErrors: userErrors}, err
}

func (m mutation) AddressAdd(ctx context.Context, a postal.Address, label *string, asDefault bool) (*gen.AddressPayload, error) {
	u, id, err := m.users.AddAddress(ctx, a, label, asDefault)
	return address(u, id, err)
}

func (m mutation) AddressUpdate(ctx context.Context, id string, a postal.Address, label *string) (*gen.AddressPayload, error) {
	u, err := m.users.UpdateAddress(ctx, id, a, label)
	return address(u, id, err)
}

// AddressRemove answers without the address: it is gone.
func (m mutation) AddressRemove(ctx context.Context, id string) (*gen.AddressPayload, error) {
	u, err := m.users.RemoveAddress(ctx, id)
	return address(u, id, err)
}

func (m mutation) AddressDefaultSet(ctx context.Context, id string) (*gen.AddressPayload, error) {
	u, err := m.users.SetDefaultAddress(ctx, id)
	return address(u, id, err)
}

func address(u *users.User, id string, err error) (*gen.AddressPayload, error) {
	userErrors, err := gql.UserErrors(err)
	p := &gen.AddressPayload{User: u, UserErrors: userErrors}
	if u != nil {
		p.Address = u.Address(id)
	}
	return p, err
}

func (m mutation) WishlistCreate(ctx context.Context, name string) (*gen.WishlistPayload, error) {
	w, err := m.users.CreateWishlist(ctx, name)
	return wishlist(w, err)
}

func (m mutation) WishlistDelete(ctx context.Context, id string) (*gen.WishlistDeletePayload, error) {
	deleted := &id
	err := m.users.DeleteWishlist(ctx, id)
	if err != nil {
		deleted = nil
	}
	userErrors, err := gql.UserErrors(err)
	return &gen.WishlistDeletePayload{DeletedID: deleted, UserErrors: userErrors}, err
}

func (m mutation) WishlistItemsAdd(ctx context.Context, id string, skus []string) (*gen.WishlistPayload, error) {
	w, err := m.users.AddToWishlist(ctx, id, skus)
	return wishlist(w, err)
}

func (m mutation) WishlistItemsRemove(ctx context.Context, id string, skus []string) (*gen.WishlistPayload, error) {
	w, err := m.users.RemoveFromWishlist(ctx, id, skus)
	return wishlist(w, err)
}

func wishlist(w *users.Wishlist, err error) (*gen.WishlistPayload, error) {
	userErrors, err := gql.UserErrors(err)
	return &gen.WishlistPayload{Wishlist: w, UserErrors: userErrors}, err
}
