package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"storefront/internal/usage"
	schemacheck "storefront/router/compose/check"
)

// breakage says who has used what a change breaks.
type breakage struct {
	store         *usage.Store
	since         string
	from          time.Time
	before, after *ast.Schema
}

// usedBy says of a change that breaks something who has used that; used is false when nobody has, as far as that is
// counted.
func (b *breakage) usedBy(ctx context.Context, c schemacheck.Change) (text string, used bool, err error) {
	names := b.names(c.Coordinate)
	if len(names) == 0 {
		return "; who has used it is not counted", true, nil
	}
	users, err := b.store.Users(ctx, names, b.from)
	if err != nil {
		return "", true, err
	}
	if len(users) == 0 {
		return "; not used since " + b.since, false, nil
	}
	last := users[0]
	for _, u := range users {
		if u.Last.After(last.Last) {
			last = u
		}
	}
	by := last.Operation
	if by == "" {
		by = last.ID
	}
	if last.Client != "" {
		by += " of " + last.Client
	}
	return fmt.Sprintf("; last used %s by %s", last.Last.Format(time.RFC3339), by), true, nil
}

// names are those by which operations use what is at a coordinate. What was added and has to be given breaks those who
// use what it was added to; a type that has gone, those who use anything of it.
func (b *breakage) names(coordinate string) (names []string) {
	field, _, _ := strings.Cut(coordinate, "(")
	switch {
	case known(b.before, coordinate):
		return namesOf(b.before, coordinate)
	case known(b.before, field):
		return namesOf(b.before, field)
	}
	on, _, isField := strings.Cut(coordinate, ".")
	t := b.before.Types[on]
	if t == nil || !isField && b.after.Types[on] != nil { // a type that stays has lost more than a field: an interface, a member
		return nil
	}
	for _, f := range t.Fields {
		names = append(names, on+"."+f.Name)
	}
	for _, v := range t.EnumValues {
		names = append(names, on+"."+v.Name)
	}
	return names
}
