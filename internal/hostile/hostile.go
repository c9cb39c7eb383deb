// Package hostile has requests that are meant to hurt a GraphQL router: documents and variables that cost
// little to send and much to read, check, plan or answer. With each comes what the answer has to be.
//
// Tests send them and look at the verdicts; bench/hostile sends them and looks at the clock. The package
// knows no router: it has the schema that its requests are for (schema.go), and a subgraph that answers.
// Enter at Cases.
package hostile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// Case is one request.
type Case struct {
	Name string
	Body []byte // the JSON object of a request, as POST and WebSocket carry it
	// Code is extensions.code of the one kind of error in the answer, "" for an answer with data and no
	// error.
	Code string
	// TooLarge marks a body over 1 MiB, which is refused before it is read: 413 on HTTP, the close code
	// 1009 on a WebSocket.
	TooLarge bool
}

// The codes that hostile requests are refused with.
const (
	parse   = "GRAPHQL_PARSE_FAILED"
	invalid = "GRAPHQL_VALIDATION_FAILED"
	large   = "OPERATION_TOO_LARGE"
	input   = "BAD_INPUT"
	request = "BAD_REQUEST"
	closed  = "INTROSPECTION_DISABLED"
)

// Plain is a request of a client that means no harm.
func Plain() Case { return query("plain", `{ plain }`, "") }

// Cases returns all hostile requests, the worst of each kind that fits through the limits and what is far
// beyond them.
func Cases() []Case {
	var all []Case
	for _, kind := range []func() []Case{repetition, fragments, directives, deferred, nesting, texts, values, variables, documents, bodies} {
		all = append(all, kind()...)
	}
	return all
}

// Fresh is the case with a comment before its document, so that no router has seen that one before.
func (c Case) Fresh(n int) Case {
	c.Body = bytes.Replace(c.Body, []byte(`"query":"`), fmt.Appendf(nil, `"query":"#%d\n`, n), 1)
	return c
}

func query(name, text, code string) Case { return with(name, text, nil, code) }

func with(name, text string, variables any, code string) Case {
	body, err := json.Marshal(struct {
		Query     string `json:"query"`
		Variables any    `json:"variables,omitempty"`
	}{text, variables})
	if err != nil {
		panic(fmt.Sprintf("hostile request %s: %v", name, err)) // a table of ours that is wrong
	}
	return Case{Name: name, Body: body, Code: code}
}

func raw(name, body, code string) Case { return Case{Name: name, Body: []byte(body), Code: code} }

// repeat writes text n times; %[1]d in it is the number, from 0.
func repeat(n int, text string) string {
	var b strings.Builder
	for i := range n {
		if strings.Contains(text, "%") {
			fmt.Fprintf(&b, text, i)
		} else {
			b.WriteString(text)
		}
	}
	return b.String()
}

func repetition() []Case {
	return []Case{
		query("the same field 9,000 times", `{ b { `+repeat(9_000, "n ")+`} }`, ""),
		query("the same field 9,000 times at the root", `{ `+repeat(9_000, "plain ")+`}`, large),
		query("the same field 20,000 times", `{ `+repeat(20_000, "plain ")+`}`, large),
		query("the same field with a selection 4,900 times", `{ b { `+repeat(4_900, "b{n}")+`} }`, ""),
		query("20 KB of overlapping fields, one in the other", `{ b { `+repeat(1_800, "b{b{b{n}}}")+`} }`, ""),
		query("20 KB of overlapping fields of a field that has none", `{ `+repeat(9_000, "b ")+`}`, large),
		query("the same field with arguments 2,400 times", `{ b { `+repeat(2_400, `s(x:"y")`)+`} }`, ""),
		query("the same field with other arguments 2,400 times", `{ b { `+repeat(2_400, `s(i:%[1]d)`)+`} }`, invalid),
		query("fields of each implementer of an interface, overlapping", `{ node { `+repeat(Implementers, `...on T%[1]d{id b{b{n}}}`)+repeat(600, " b{b{n}}")+`} }`, ""),
		query("500 aliases", `{ b { `+repeat(250, "a%[1]d:n ")+`b { `+repeat(250, "b%[1]d:n ")+`} } }`, ""),
		query("1,000 aliases", `{ `+repeat(1_000, "a%[1]d:n ")+`}`, large),
		query("9,000 aliases of one field", `{ `+repeat(6_600, "a%[1]d:n ")+`}`, large),
		query("conflicts of 6,600 fields under one alias", `{ b { `+repeat(3_300, "a:n a:id ")+`} }`, large),
		query("a conflict in each of 240 aliases", `{ b { `+repeat(240, "a%[1]d:n a%[1]d:id ")+`} }`, invalid),
		query("6,600 fields that do not exist", `{ `+repeat(6_600, "nope%[1]d ")+`}`, large),
		query("200 fields that do not exist", `{ `+repeat(200, "plan%[1]d ")+`}`, invalid),
		query("all types of an interface and all fields at every level", `{ node {`+repeat(Implementers, `...on T%[1]d{ `+strings.Repeat(`node{...on T%[1]d{`, 8)+"id"+strings.Repeat("}}", 8)+`}`)+`} }`, ""),
	}
}

func fragments() []Case {
	doubling := func(n int, last string) string {
		var b strings.Builder
		b.WriteString("{ b { ...F0 } }")
		for i := range n {
			fmt.Fprintf(&b, " fragment F%d on B { ...F%d ...F%d }", i, i+1, i+1)
		}
		fmt.Fprintf(&b, " fragment F%d on B { %s }", n, last)
		return b.String()
	}
	nested := func(n int) string {
		var b strings.Builder
		b.WriteString("{ b { ...F0 } }")
		for i := range n {
			fmt.Fprintf(&b, " fragment F%d on B { b { ...F%d } c: b { ...F%d } }", i, i+1, i+1)
		}
		fmt.Fprintf(&b, " fragment F%d on B { n }", n)
		return b.String()
	}
	chain := func(n int) string {
		var b strings.Builder
		b.WriteString("{ b { ...F0 } }")
		for i := range n {
			fmt.Fprintf(&b, " fragment F%d on B { ...F%d }", i, i+1)
		}
		fmt.Fprintf(&b, " fragment F%d on B { n }", n)
		return b.String()
	}
	return []Case{
		query("fragments that double 10 times", doubling(10, "n"), ""),
		query("fragments that double 30 times", doubling(30, "n"), large),
		query("fragments that double 30 times, one level deeper each", nested(30), large),
		query("fragments that double 8 times, one level deeper each", nested(8), ""),
		query("a chain of 2,000 fragments", chain(2_000), large),
		query("a chain of 190 fragments", chain(190), ""),
		query("a fragment within itself", `{ b { ...F } } fragment F on B { b { ...F } }`, invalid),
		query("a circle of 1,500 fragments", `{ b { ...F0 } }`+repeat(1_500, " fragment F%[1]d on B { b { ...F%[1]d_ } }")+repeat(1_500, " fragment F%[1]d_ on B { ...F%[1]d }"), large),
		query("a circle of 300 fragments", `{ b { ...F0 } }`+repeat(300, " fragment F%[1]d on B { b { ...G%[1]d } }")+repeat(300, " fragment G%[1]d on B { ...F%[1]d }"), invalid),
		query("one fragment spread 6,000 times", `{ b { `+repeat(6_000, "...F ")+`} } fragment F on B { n }`, ""),
		query("one fragment of 4,000 fields spread 4,000 times", `{ b { `+repeat(4_000, "...F ")+`} } fragment F on B { `+repeat(4_000, "n ")+`}`, large),
		query("3,000 fragments that nobody spreads", `{ plain }`+repeat(3_000, " fragment F%[1]d on B { n }"), large),
		query("2,500 fragments that nobody spreads", `{ plain }`+repeat(2_500, " fragment F%[1]d on B{n}"), invalid),
		query("every fragment spread in every fragment", `{ b { ...F0 } }`+repeat(60, " fragment F%[1]d on B { n "+repeat(60, "...G%[1]d ")+"}")+repeat(60, " fragment G%[1]d on B { n }"), invalid),
		query("spreads of fragments that do not exist", `{ b { `+repeat(6_000, "...F%[1]d ")+`} }`, invalid),
	}
}

func directives() []Case {
	return []Case{
		query("9,900 directives that do not exist on a field", `{ plain `+repeat(9_900, "@a ")+`}`, large),
		query("2,800 directives on a field", `{ plain `+repeat(2_800, "@skip(if:false)")+`}`, large),
		query("400 directives on a field", `{ plain `+repeat(400, "@skip(if:false)")+`}`, invalid),
		query("400 conditions by variables", `query(`+repeat(400, "$v%[1]d:Boolean! ")+`){ b { `+repeat(400, "n@include(if:$v%[1]d)")+`} }`, input),
		with("200 conditions, each within the one before", `query(`+repeat(40, "$v%[1]d:Boolean! ")+`){ `+repeat(40, "...@include(if:$v%[1]d){b{")+"n"+strings.Repeat("}}", 40)+` }`, flags(40), ""),
		query("9,000 directives on a variable", `query($a: Int `+repeat(9_000, "@a ")+`) { plain }`, large),
		query("9,000 directives on an operation", `query `+repeat(9_000, "@a ")+`{ plain }`, large),
	}
}

func deferred() []Case {
	return []Case{
		query("51 deferred fragments", `{ b { `+repeat(51, "a%[1]d:n ...@defer{c%[1]d:n} ")+`} }`, large),
		query("50 deferred fragments of the same field", `{ b { `+repeat(50, "...@defer{n}")+`} }`, ""),
		query("50 deferred fragments, each of all fields", `{ b { `+repeat(50, "...@defer{ "+repeat(40, "f%[1]d:b{n} ")+"}")+`} }`, large),
		query("50 deferred fragments, each of the same 150 fields", `{ b { `+repeat(50, "...@defer{ "+strings.Repeat("b{b{n}} ", 50)+"}")+`} }`, ""),
		query("40 deferred fragments, one within the other", `{ `+repeat(40, "...@defer{b{")+"n"+strings.Repeat("}}", 40)+` }`, ""),
		query("20 deferred fragments in a fragment that is spread 200 times", `{ b { `+repeat(200, "...F ")+`} } fragment F on B { `+repeat(20, "...@defer{n}")+`}`, large),
		query("a deferred fragment that is spread 6,000 times", `{ b { `+repeat(6_000, "...F@defer ")+`} } fragment F on B { n }`, large),
		query("50 deferred fragments, each on another implementer", `{ node { `+repeat(50, `...on T%[1]d@defer{id b{b{n}}}`)+` } }`, ""),
		query("50 deferred fragments with the same label", `{ b { `+repeat(50, `...@defer(label:"l"){n}`)+`} }`, invalid),
		query("9,000 times @defer on one fragment", `{ ...`+repeat(9_000, "@defer")+`{plain} }`, large),
		with("50 deferred fragments by variables", `query(`+repeat(50, "$v%[1]d:Boolean! ")+`){ b { `+repeat(50, "...@defer(if:$v%[1]d){b{n}}")+`} }`, flags(50), ""),
	}
}

// flags are boolean variables, all of them true.
func flags(n int) map[string]bool {
	out := map[string]bool{}
	for i := range n {
		out[fmt.Sprint("v", i)] = true
	}
	return out
}
