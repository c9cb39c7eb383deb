package compose_test

import (
	"fmt"
	"strings"
	"testing"

	"storefront/router/compose"
)

// manySubgraphs spreads types over n subgraphs: every shared entity is in all of them, each of which
// adds fields of its own, fields that lead to other entities, and one that requires another's.
func manySubgraphs(n, shared int) []compose.Subgraph {
	var out []compose.Subgraph
	for s := range n {
		var b strings.Builder
		b.WriteString(`extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@shareable", "@external", "@requires"])` + "\n")
		fmt.Fprintf(&b, "type Query { q%d: T%d list%d: [I!] }\ninterface I { id: ID! }\n", s, s%shared, s)
		for t := range shared {
			other := (s + n - 1) % n
			fmt.Fprintf(&b, "type T%d implements I @key(fields: \"id\") { id: ID! own%d: Int to%d: T%d value: V @shareable fromOther%d: Int @external needs%d: Int @requires(fields: \"fromOther%d\") fromOther%d: Int }\n",
				t, s, s, (t+s+1)%shared, other, s, other, s)
		}
		b.WriteString("type V @shareable { x: Int y: Int }\n")
		out = append(out, compose.Subgraph{Name: fmt.Sprintf("s%02d", s), URL: "http://s", SDL: b.String()})
	}
	return out
}

// BenchmarkCompose is composition of 40 subgraphs that share 25 entities.
func BenchmarkCompose(b *testing.B) {
	subs := manySubgraphs(40, 25)
	b.ReportAllocs()
	for b.Loop() {
		if _, errs := compose.Compose(subs); errs != nil {
			b.Fatal(errs[:1])
		}
	}
}
