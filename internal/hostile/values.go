package hostile

import (
	"encoding/json"
	"strings"
)

func nesting() []Case {
	return []Case{
		query("inline fragments nested 5,000 deep", "{"+strings.Repeat("...{", 5_000)+"plain"+strings.Repeat("}", 5_001), parse),
		query("inline fragments nested 190 deep", "{"+strings.Repeat("...{", 190)+"plain"+strings.Repeat("}", 191), ""),
		query("fields nested 990 deep", "{"+strings.Repeat("b{", 990)+"n"+strings.Repeat("}", 991), large),
		query("fields nested 45 deep", "{"+strings.Repeat("b{", 44)+"n"+strings.Repeat("}", 45), ""),
		query("100,000 opening braces", strings.Repeat("{", 100_000), parse),
		query("100,000 opening brackets in an argument", `{ s(l:`+strings.Repeat("[", 100_000), parse),
		query("an introspection query nested in itself", `{ __schema { types { `+strings.Repeat("fields { type { ", 20)+"name"+strings.Repeat("} }", 20)+` } } }`, invalid),
		query("introspection", `{ __schema { types { name fields { name } } } }`, closed),
	}
}

func texts() []Case {
	return []Case{
		query("a string of 250 KB", `{ s(x:"`+strings.Repeat("x", 250_000)+`") }`, ""),
		query("a string of 1 MB", `{ s(x:"`+strings.Repeat("x", 1_000_000)+`") }`, large),
		{Name: "a string of 2 MB", Body: query("", `{ s(x:"`+strings.Repeat("x", 2_000_000)+`") }`, "").Body, TooLarge: true},
		query("a string of 40,000 escapes", `{ s(x:"`+strings.Repeat(`\u00e9`, 40_000)+`") }`, ""),
		query("a block string of 120,000 lines", `{ s(x:"""`+strings.Repeat("\n x", 80_000)+`""") }`, ""),
		query("a block string of escaped quotes", `{ s(x:"""`+strings.Repeat(`\"""`, 60_000)+`""") }`, ""),
		query("a string without an end", `{ s(x:"`+strings.Repeat("x", 250_000), parse),
		query("a comment of 250 KB", `{ plain } #`+strings.Repeat("x", 250_000), ""),
		query("a comment of 1 MB", `{ plain } #`+strings.Repeat("x", 1_000_000), large),
		query("100,000 comments", `{ plain }`+strings.Repeat("#\n", 100_000), large),
		query("9,000 comments between fields", `{ b { `+strings.Repeat("n #x\n", 9_000)+`} }`, ""),
		query("250,000 commas and line breaks", `{ plain`+strings.Repeat(",\n", 125_000)+`}`, ""),
		query("a name of 250 KB", `{ `+strings.Repeat("x", 250_000)+` }`, invalid),
		query("60,000 characters of four bytes", `{ s(x:"`+strings.Repeat("\U0001F600", 60_000)+`") }`, ""),
		query("250 KB of characters that GraphQL does not have", `{ `+strings.Repeat("?", 250_000)+` }`, parse),
		query("byte order marks", strings.Repeat("\uFEFF", 80_000)+`{ plain }`, ""),
	}
}

func values() []Case {
	return []Case{
		query("a list of 19,000 numbers in an argument", `{ s(l:[`+strings.Repeat("1 ", 19_000)+`]) }`, ""),
		query("a list of 100,000 numbers in an argument", `{ s(l:[`+strings.Repeat("1 ", 100_000)+`]) }`, large),
		query("a list of 19,000 wrong values", `{ s(l:[`+strings.Repeat("x ", 19_000)+`]) }`, invalid),
		query("an object of 4,900 fields", `{ s(in:{`+repeat(4_900, "f%[1]d:1 ")+`}) }`, invalid),
		query("an object with the same field 4,900 times", `{ s(in:{`+strings.Repeat("a:1 ", 4_900)+`}) }`, invalid),
		query("two objects of 1,600 fields that are to be compared", `{ any(v:{`+repeat(1_600, "f%[1]d:1 ")+`}) any(v:{`+repeat(1_600, "f%[1]d:1 ")+`}) }`, ""),
		query("objects nested 190 deep", `{ s(in:`+strings.Repeat("{in:", 190)+"{a:1}"+strings.Repeat("}", 190)+`) }`, ""),
		query("objects nested 950 deep", `{ s(in:`+strings.Repeat("{in:", 950)+"{a:1}"+strings.Repeat("}", 950)+`) }`, large),
		query("lists nested 950 deep", `{ any(v:`+strings.Repeat("[", 950)+"1"+strings.Repeat("]", 950)+`) }`, large),
		query("a number of 250,000 digits", `{ s(i:`+strings.Repeat("9", 250_000)+`) }`, invalid),
		query("a number with an exponent of a billion", `{ s(f:1e999999999) }`, invalid),
		query("9,000 arguments that do not exist", `{ s(`+repeat(6_000, "a%[1]d:1 ")+`) }`, invalid),
		query("the same argument 6,000 times", `{ s(`+strings.Repeat("i:1 ", 6_000)+`) }`, invalid),
	}
}

func variables() []Case {
	list := func(n int, v string) json.RawMessage {
		return json.RawMessage("[" + strings.Repeat(v+",", n-1) + v + "]")
	}
	deep := func(open, inner, end string, n int) json.RawMessage {
		return json.RawMessage(strings.Repeat(open, n) + inner + strings.Repeat(end, n))
	}
	members := json.RawMessage("{" + repeat(70_000, `"f%[1]d":1,`) + `"a":1}`)
	type vars = map[string]json.RawMessage
	return []Case{
		query("2,400 variables that are used", `query(`+repeat(2_400, "$v%[1]d:Int ")+`){ s(l:[`+repeat(2_400, "$v%[1]d ")+`]) }`, ""),
		query("4,900 variables that nobody uses", `query(`+repeat(4_900, "$v%[1]d:Int ")+`){ plain }`, invalid),
		query("10,000 variables", `query(`+repeat(10_000, "$v%[1]d:Int ")+`){ plain }`, large),
		query("the same variable 4,900 times", `query(`+strings.Repeat("$v:Int ", 4_900)+`){ plain }`, invalid),
		query("9,000 uses of a variable that is not there", `{ s(l:[`+strings.Repeat("$v ", 9_000)+`]) }`, invalid),
		query("variables of types nested 900 deep", `query($v:`+strings.Repeat("[", 900)+"Int"+strings.Repeat("]", 900)+`){ any(v:$v) }`, invalid),
		with("a variable of 500,000 numbers", `query($v:[Int]){ s(l:$v) }`, vars{"v": list(500_000, "1")}, large),
		with("a variable of 95,000 numbers", `query($v:[Int]){ s(l:$v) }`, vars{"v": list(95_000, "1")}, ""),
		with("a variable of 95,000 wrong values", `query($v:[Int]){ s(l:$v) }`, vars{"v": list(95_000, `"wrong"`)}, input),
		with("a variable of 95,000 nulls where none may be", `query($v:[Int!]){ s(l:$v) }`, vars{"v": list(95_000, "null")}, input),
		with("a variable of objects nested 9,000 deep", `query($v:In){ s(in:$v) }`, vars{"v": deep(`{"in":`, `{"a":1}`, "}", 9_000)}, request),
		with("a variable of objects nested 300 deep", `query($v:In){ s(in:$v) }`, vars{"v": deep(`{"in":`, `{"a":1}`, "}", 300)}, large),
		with("a variable of objects nested 190 deep", `query($v:In){ s(in:$v) }`, vars{"v": deep(`{"in":`, `{"a":1}`, "}", 190)}, ""),
		with("a variable of wrong objects nested 190 deep", `query($v:In){ s(in:$v) }`, vars{"v": deep(`{"in":`, `{"nope":1}`, "}", 190)}, input),
		with("a variable of lists nested 9,000 deep", `query($v:Any){ any(v:$v) }`, vars{"v": deep("[", "1", "]", 9_000)}, request),
		raw("a variable of lists nested 400,000 deep", `{"query":"query($v:Any){ any(v:$v) }","variables":{"v":`+strings.Repeat("[", 400_000)+strings.Repeat("]", 400_000)+`}}`, request),
		with("a variable of an object of 70,000 fields", `query($v:In){ s(in:$v) }`, vars{"v": members}, input),
		with("a custom scalar of an object of 70,000 fields", `query($v:Any){ any(v:$v) }`, vars{"v": members}, ""),
		with("70,000 variables that the operation does not have", `{ plain }`, members, ""),
		with("a variable of a number of 900,000 digits", `query($v:Int){ s(i:$v) }`, vars{"v": json.RawMessage(strings.Repeat("9", 900_000))}, input),
		with("a variable of a number with an exponent of a billion", `query($v:Int){ s(i:$v) }`, vars{"v": json.RawMessage("1e999999999")}, input),
		with("a variable of a tiny number", `query($v:ID){ s(d:$v) }`, vars{"v": json.RawMessage("1e-999999999")}, input),
		with("a variable of a string of 900 KB", `query($v:String){ s(x:$v) }`, vars{"v": json.RawMessage(`"` + strings.Repeat("x", 900_000) + `"`)}, ""),
		with("a variable of a string of 160,000 escapes", `query($v:String){ s(x:$v) }`, vars{"v": json.RawMessage(`"` + strings.Repeat(`\u00e9`, 160_000) + `"`)}, ""),
	}
}

func documents() []Case {
	return []Case{
		query("3,000 operations without a name", strings.Repeat("{plain}", 3_000), input),
		raw("3,000 operations, one of which is asked for", `{"operationName":"Q7","query":"`+repeat(3_000, "query Q%[1]d{plain}")+`"}`, ""),
		raw("1,000 operations that spread the same fragment", `{"operationName":"Q7","query":"`+repeat(1_000, "query Q%[1]d{b{...F}}")+"fragment F on B {"+strings.Repeat("n ", 3_000)+`}"}`, large),
		raw("300 operations that spread the same fragment", `{"operationName":"Q7","query":"`+repeat(300, "query Q%[1]d{b{...F}}")+"fragment F on B {"+strings.Repeat("n ", 30)+`}"}`, ""),
		raw("3,000 operations of the same name", `{"operationName":"Q","query":"`+strings.Repeat("query Q{plain}", 3_000)+`"}`, invalid),
		query("a schema instead of an operation", repeat(3_000, "type T%[1]d { a: Int } "), parse),
		query("a subscription to 3,000 fields", `subscription { `+repeat(3_000, "a%[1]d:n ")+`}`, large),
		query("a subscription to 190 fields", `subscription { `+repeat(190, "a%[1]d:n ")+`}`, invalid),
		raw("nothing but space", `{"query": "`+strings.Repeat(" ", 250_000)+`"}`, input),
	}
}

func bodies() []Case {
	return []Case{
		raw("a body of 70,000 members", `{"query":"{ plain }",`+repeat(70_000, `"f%[1]d":1,`)+`"id":null}`, ""),
		raw("extensions of 70,000 members", `{"query":"{ plain }","extensions":{`+repeat(70_000, `"f%[1]d":1,`)+`"a":1}}`, ""),
		raw("extensions nested 9,000 deep", `{"query":"{ plain }","extensions":{"a":`+strings.Repeat("[", 9_000)+strings.Repeat("]", 9_000)+`}}`, request),
		raw("the same member 70,000 times", `{`+strings.Repeat(`"query":"{ plain }",`, 40_000)+`"query":"{ plain }"}`, ""),
		raw("a batch of 40,000 requests", `[`+strings.Repeat(`{"query":"{ plain }"},`, 40_000)+`{"query":"{ plain }"}]`, request),
		raw("a body of 900 KB that is no JSON", `{"query":"{ plain }"`+strings.Repeat(" ", 900_000), request),
		raw("a body nested 900,000 deep", strings.Repeat(`{"a":`, 180_000), request),
	}
}
