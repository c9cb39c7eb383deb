package operation_test

import (
	"fmt"
	"strings"
	"testing"

	"storefront/router/operation"
)

// deferredText shows fields with the labels they wait for.
func deferredText(set *operation.SelectionSet) string {
	var parts []string
	for _, f := range set.Fields {
		s := f.Key
		if f.On != nil {
			s += fmt.Sprint(f.On)
		}
		for i, u := range f.Defer {
			s += map[bool]string{true: "~", false: "|"}[i == 0] + u.Label
		}
		if f.Sel != nil {
			s += "{" + deferredText(f.Sel) + "}"
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, " ")
}

func TestDeferred(t *testing.T) {
	sg := load(t)
	for _, c := range []struct {
		query string
		vars  map[string]any
		want  string
	}{
		{`{ pet { id ... @defer(label: "A") { name } } }`, nil, `pet{id name~A}`},
		{`{ ... @defer(label: "A") { pet { id } } name }`, nil, `pet~A{id~A} name`},
		{`{ pet { name ... @defer(label: "A") { name id } } }`, nil, `pet{name id~A}`},
		{`{ pet { ...F @defer(label: "A") } pet { friend { id } } } fragment F on Pet { friend { id name } }`, nil, `pet{friend{id name~A}}`},
		{`{ pet { ... @defer(label: "A") { id name } ... @defer(label: "B") { id } } }`, nil, `pet{id~A|B name~A}`},
		{`{ pet { ... @defer(label: "A") { id ... @defer(label: "B") { id name } } } }`, nil, `pet{id~A name~B}`},
		{`{ pet { ... @defer(label: "A") { friend { id ... @defer(label: "B") { name } } } ... @defer(label: "C") { friend { name } } } }`, nil,
			`pet{friend~A|C{id~A name~C|B}}`},
		{`{ pet { ... on Dog @defer(label: "A") { name bark } name } }`, nil, `pet{name[Dog] bark[Dog]~A name[Cat]}`},
		{`{ pet { ... @defer(label: "A", if: false) { name } } }`, nil, `pet{name}`},
		{`query ($a: Boolean!) { pet { ... @defer(label: "A", if: $a) { name } ... @defer(label: "B") { id } } }`, map[string]any{"a": false}, `pet{name id~B}`},
		{`query ($a: Boolean!) { pet { ... @defer(label: "A", if: $a) { name } ... @defer(label: "B") { id } } }`, map[string]any{"a": true}, `pet{name~A id~B}`},
		{`query ($a: Boolean) { pet { ... @defer(label: "A", if: $a) { name } } }`, nil, `pet{name~A}`},
		{`query ($a: Boolean!) { pet { ... @defer(label: "A", if: $a) { name } } }`, map[string]any{"a": false}, `pet{name}`},
	} {
		op, errs := operation.Prepare(sg, c.query, "", operation.DefaultLimits())
		if errs != nil {
			t.Errorf("%s: %v", c.query, errs)
			continue
		}
		if got := deferredText(op.Root); strings.Contains(got, "~") {
			t.Errorf("%s\nis deferred before it is asked to: %s", c.query, got)
		}
		deferred, errs := op.Deferred(c.vars)
		if errs != nil {
			t.Errorf("%s: %v", c.query, errs)
			continue
		}
		if got := deferredText(deferred.Root); got != c.want {
			t.Errorf("%s\ngives %s\nwant  %s", c.query, got, c.want)
		}
		if some := strings.Contains(c.want, "~"); some != (op.DeferKey(c.vars) != "") {
			t.Errorf("%s: the key is %q", c.query, op.DeferKey(c.vars))
		}
	}
}

func TestDeferUsage(t *testing.T) {
	op, errs := operation.Prepare(load(t), `query ($i: Boolean!) {
		pet { ... @defer(label: "A") @include(if: $i) { friend { ... @defer { name } } } }
	}`, "", operation.DefaultLimits())
	if errs != nil {
		t.Fatal(errs)
	}
	if op, errs = op.Deferred(nil); errs != nil {
		t.Fatal(errs)
	}
	if len(op.Usages) != 2 {
		t.Fatalf("%d usages", len(op.Usages))
	}
	outer, inner := op.Usages[0], op.Usages[1]
	if outer.Label != "A" || outer.Depth != 1 || outer.Parent != nil || len(outer.Terms) != 1 {
		t.Errorf("the outer usage is %+v", outer)
	}
	if inner.Label != "" || inner.Depth != 2 || inner.Parent != outer {
		t.Errorf("the inner usage is %+v", inner)
	}
}

func TestDeferRules(t *testing.T) {
	sg := load(t)
	limits := operation.DefaultLimits()
	limits.MaxDefers = 8
	for _, c := range []struct{ query, want string }{
		{`{ pet { ... @defer(label: "A") { id } ... @defer(label: "A") { name } } }`, "must be unique"},
		{`{ pet { ...F @defer(label: "A") } } fragment F on Pet { ... @defer(label: "A") { id } }`, "must be unique"},
		{`query ($l: String) { pet { ... @defer(label: $l) { id } } }`, "not a variable"},
		{`{ pet { ... @defer(label: 3) { id } } }`, "String"},
		{`{ pet { ... @defer(if: null) { id } } }`, "Boolean!"},
		{`{ pet @defer { id } }`, "defer"},
		{`{ pet { ... @defer @defer { id } } }`, "defer"},
		{`subscription { changed(id: 1) { ... @defer { id } } }`, "A subscription defers nothing"},
		{`subscription { changed(id: 1) { ...F } } fragment F on Pet { ...G } fragment G on Pet { ... @defer { id } }`, "A subscription defers nothing"},
		{`subscription { changed(id: 1) { ... @defer(if: false) { id } } }`, ""},
		{`subscription ($d: Boolean!) { changed(id: 1) { ... @defer(if: $d) { id } } }`, ""},
		{`mutation { ... @defer { rename { id } } }`, "root fields of a mutation"},
		{`mutation { ...M } fragment M on Mutation { ... on Mutation @defer(if: false) { rename { id } } }`, "root fields of a mutation"},
		{`mutation { rename { ... @defer { id } } }`, ""},
		{`{ pet { ...F ...F ...F } } fragment F on Pet { ...G ...G ...G } fragment G on Pet { ... @defer { id } }`, "defers more than 8 fragments"},
		{`{ pet { ... on Dog { friend { ...F } } ... on Cat { friend { ...F } } } } fragment F on Pet { ...G @defer } fragment G on Pet { id }`, ""},
	} {
		_, errs := operation.Prepare(sg, c.query, "", limits)
		if c.want == "" && errs != nil || c.want != "" && !strings.Contains(fmt.Sprint(errs), c.want) {
			t.Errorf("%s\ngives %v, want %q", c.query, errs, c.want)
		}
	}
}

// TestDeferSets: cunning overlaps give no more sets of @defers than there may be @defers.
func TestDeferSets(t *testing.T) {
	var b strings.Builder
	b.WriteString("{ pet {")
	for i := range 20 {
		fmt.Fprintf(&b, " ... @defer(label: \"%d\") {", i)
		for j := range 20 {
			if lo, hi := min(i, j), max(i, j); lo != hi {
				fmt.Fprintf(&b, " a%d_%d: name", lo, hi)
			}
		}
		b.WriteString(" friend { id } }")
	}
	b.WriteString("} }")
	limits := operation.DefaultLimits()
	limits.MaxDefers = 20
	op, errs := operation.Prepare(load(t), b.String(), "", limits)
	if errs != nil {
		t.Fatal(errs)
	}
	if op, errs = op.Deferred(nil); errs != nil {
		t.Fatal(errs)
	}
	sets, early := map[string]bool{}, 0
	for _, f := range op.Root.Fields[0].Sel.Fields {
		if key := operation.DeferSetKey(f.Defer); key != "" {
			sets[key] = true
		} else {
			early++
		}
	}
	if len(sets) != 20 || early == 0 {
		t.Errorf("%d sets, %d fields at once", len(sets), early)
	}
}
