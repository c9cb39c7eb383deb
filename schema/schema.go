// Package schema is the GraphQL contract: one SDL file per subgraph, and the supergraph composed from
// them by `storefront compose`.
package schema

import "embed"

// Files holds the SDL of each subgraph as NAME.graphqls.
//
//go:embed *.graphqls
var Files embed.FS

// Supergraph is the composed schema, checked in.
//
//go:embed supergraph.graphqls
var Supergraph string
