package supergraph_test

import (
	"reflect"
	"testing"

	"storefront/router/supergraph"
)

// A field set means the same in braces, as other compositions write it when a subgraph does.
func TestFieldSetInBraces(t *testing.T) {
	plain, err := supergraph.ParseFieldSet("id of { n }")
	if err != nil {
		t.Fatal(err)
	}
	braced, err := supergraph.ParseFieldSet(" { id of { n } } ")
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(plain, braced) {
		t.Errorf("in braces it is %v, without %v", braced, plain)
	}
	if _, err := supergraph.ParseFieldSet("{ id } { n }"); err == nil {
		t.Error("two selections pass for one")
	}
}
