package operations

import (
	"fmt"
	"strings"

	"storefront/internal/errs"
)

// Manifest is what a client's build wrote down of its operations.
type Manifest struct {
	Format     string // whose: see formats.go
	Operations []Operation
}

// Operation is one entry of a manifest.
type Operation struct {
	ID   string `json:"id" bson:"id"`
	Name string `json:"name" bson:"name"`
	Type string `json:"type" bson:"type"` // query, mutation or subscription
	Body string `json:"body" bson:"body"`
}

// Limits of a manifest.
const (
	MaxOperations = 5000
	MaxBody       = 100_000 // bytes of one operation
	maxID         = 128
)

// check names all that is wrong with a manifest beside its operations' GraphQL.
func (m Manifest) check() error {
	if len(m.Operations) == 0 || len(m.Operations) > MaxOperations {
		return errs.New(errs.BadInput, "the manifest has %d operations; it may have 1 to %d", len(m.Operations), MaxOperations)
	}
	var wrong []string
	mistake := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	seen := map[string]int{}
	for i, o := range m.Operations {
		before, twice := seen[o.ID]
		switch {
		case o.ID == "" || len(o.ID) > maxID:
			mistake("operation %d: an id has 1 to %d characters", i, maxID)
		case twice:
			mistake("operations %d and %d have the same id %q", before, i, o.ID)
		case o.Body == "" || len(o.Body) > MaxBody:
			mistake("operation %q: a body has 1 to %d bytes, this one has %d", o.ID, MaxBody, len(o.Body))
		}
		seen[o.ID] = i
	}
	if len(wrong) > 0 {
		return errs.Input([]string{"operations"}, "%s", strings.Join(wrong, "\n"))
	}
	return nil
}
