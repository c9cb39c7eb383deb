// Package operations keeps persisted operations: what partners have published under ids of theirs, and
// automatic persisted queries of everyone else.
//
// MongoDB is where published operations live; Redis and a small cache in the process make reading them
// cheap. Automatic ones are in Redis only and may be forgotten: a client sends such a query again.
package operations

import (
	"encoding/json"
	"fmt"

	"storefront/internal/errs"
)

// Manifest is Apollo's persisted query manifest, version 1.
type Manifest struct {
	Format     string      `json:"format"`
	Version    int         `json:"version"`
	Operations []Operation `json:"operations"`
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
	manifestName  = "apollo-persisted-query-manifest"
)

// ParseManifest reads a manifest and names what is wrong with it.
func ParseManifest(data []byte) (Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return m, errs.Wrap(errs.BadInput, err, "the manifest is not JSON")
	}
	if m.Format != manifestName || m.Version != 1 {
		return m, errs.New(errs.BadInput, "the manifest's format is %q version %d; it has to be %q version 1", m.Format, m.Version, manifestName)
	}
	if len(m.Operations) == 0 || len(m.Operations) > MaxOperations {
		return m, errs.New(errs.BadInput, "the manifest has %d operations; it may have 1 to %d", len(m.Operations), MaxOperations)
	}
	seen := map[string]int{}
	for i, o := range m.Operations {
		field := []string{"operations", fmt.Sprint(i)}
		before, twice := seen[o.ID]
		switch {
		case o.ID == "" || len(o.ID) > 128:
			return m, errs.Input(append(field, "id"), "operation %d: an id has 1 to 128 characters", i)
		case twice:
			return m, errs.Input(append(field, "id"), "operations %d and %d have the same id %q", before, i, o.ID)
		case o.Body == "" || len(o.Body) > MaxBody:
			return m, errs.Input(append(field, "body"), "operation %q: a body has 1 to %d bytes", o.ID, MaxBody)
		}
		seen[o.ID] = i
	}
	return m, nil
}
