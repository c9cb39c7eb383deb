package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

const setsDir, deviationsFile = "../testdata", "deviations.txt"

// Composition says of every set what Apollo's composition said when it was last asked: verdict, error
// codes, hints, public schema and join metadata, but for the deviations that are meant.
func TestRecordedAnswers(t *testing.T) {
	sets, err := readSets(setsDir)
	if err != nil {
		t.Fatal(err)
	}
	meant, err := readDeviations(deviationsFile)
	if err != nil {
		t.Fatal(err)
	}
	if len(sets) < 150 {
		t.Errorf("%d sets, want 150 or more", len(sets))
	}
	for _, s := range sets {
		t.Run(s.name, func(t *testing.T) {
			recorded, ok := s.recorded()
			if !ok {
				t.Fatal("Apollo's answer is not recorded; run go run ./router/compose/oracle -record")
			}
			s.compose()
			got := map[string]string{}
			for _, d := range s.compare(recorded) {
				got[d.key()] = d.detail
				if meant[d.key()] == "" {
					t.Errorf("differs in %s:\n%s", d.aspect, d.detail)
				}
			}
			for key := range meant {
				name, aspect, _ := strings.Cut(key, " ")
				if _, differs := got[key]; name == s.name && aspect != aspectTheirs && !differs {
					t.Errorf("%s: the deviation is no more; take it out of %s", key, deviationsFile)
				}
			}
		})
	}
}

// A recorded answer reads back as it was.
func TestAnswerRoundTrip(t *testing.T) {
	for _, text := range []string{
		"bad: KEY_INVALID_FIELDS SATISFIABILITY_ERROR\n",
		"good\napi: 0011223344556677\njoin: 8899aabbccddeeff\n",
		"good\napi: 0011223344556677\njoin: 8899aabbccddeeff\nhints: UNUSED_ENUM_TYPE\n",
	} {
		if got := parseAnswer(text).String(); got != text {
			t.Errorf("read %q, wrote %q", text, got)
		}
	}
}

// The normal form tells what differs in meaning from what does not.
func TestNormalForm(t *testing.T) {
	base := `schema @link(url: "https://specs.apollo.dev/join/v0.5", for: EXECUTION) { query: Query }
type Query @join__type(graph: A) { a(x: In = {p: 1, q: 2}): Int @join__field(graph: A, requires: "b c") b: Int c: Int }
input In { p: Int q: Int }`
	same := `schema @link(url: "https://specs.apollo.dev/join/v0.3", for: EXECUTION) { query: Query }
input In { q: Int p: Int }
type Query @join__type(graph: A, resolvable: true, extension: false) { c: Int b: Int a(x: In = {q: 2, p: 1}): Int @join__field(requires: "c b", graph: A) }`
	if a, b := digest(normal(base)), digest(normal(same)); a != b {
		t.Errorf("the same schema in another order differs:\n%s", lines(normal(base), normal(same)))
	}
	for _, change := range [][2]string{
		{`requires: "b c"`, `requires: "b"`}, {"p: 1", "p: 2"}, {"b: Int", "b: Int!"}, {"graph: A)", "graph: B)"},
		{"query: Query }", "query: Query mutation: Query }"}, {"{ p: Int", "{ p: Int @tag(name: \"x\")"},
	} {
		if digest(normal(strings.Replace(base, change[0], change[1], 1))) == digest(normal(base)) {
			t.Errorf("%q for %q makes no difference", change[1], change[0])
		}
	}
}

// The command fails on a difference without a reason and on a reason without its difference.
func TestReport(t *testing.T) {
	sets := []*set{{name: "one"}, {name: "two"}}
	found := []deviation{{"one", aspectCodes, "- A\n+ B\n"}}
	var out bytes.Buffer
	if err := report(&out, sets, found, map[string]string{"one codes": "it is meant"}); err != nil {
		t.Errorf("a deviation with a reason fails: %v", err)
	}
	if !strings.Contains(out.String(), "1 of 2 sets agree") || !strings.Contains(out.String(), "it is meant") {
		t.Errorf("the report says:\n%s", out.String())
	}
	if report(&out, sets, found, nil) == nil {
		t.Error("a deviation without a reason passes")
	}
	if report(&out, sets, nil, map[string]string{"one codes": "it is meant"}) == nil {
		t.Error("a reason without its deviation passes")
	}
}

// Without Node the command says what it needs.
func TestWithoutNode(t *testing.T) {
	t.Setenv("PATH", "")
	err := run(t.Context(), config{sets: setsDir, deviations: deviationsFile, cache: t.TempDir()}, os.Stderr)
	if err == nil || !strings.Contains(err.Error(), "node is not installed") {
		t.Errorf("without node: %v", err)
	}
}
