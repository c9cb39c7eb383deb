package flags

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

type config struct {
	shared
	Limit int           `flag:"limit" env:"LIMIT" default:"3" help:"how many"`
	Wait  time.Duration `flag:"wait" default:"1s" help:"how long"`
	Fresh bool          `flag:"fresh" help:"start over"`
}

type shared struct {
	Brokers []string `flag:"kafka-brokers" env:"BROKERS" default:"a:1" help:"brokers"`
}

func TestFlagWinsOverEnvironmentOverDefault(t *testing.T) {
	env := map[string]string{"LIMIT": "7", "BROKERS": "b:1,c:1"}
	var c config
	rest, err := ParseArgs("up", "", &c, []string{"file.csv", "--kafka-brokers", "x:1", "--kafka-brokers=y:2", "--fresh"}, func(k string) string { return env[k] }, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if c.Limit != 7 || c.Wait != time.Second || !c.Fresh || strings.Join(c.Brokers, " ") != "x:1 y:2" || len(rest) != 1 || rest[0] != "file.csv" {
		t.Errorf("got %+v, rest %v", c, rest)
	}
}

func TestHelpIsGrouped(t *testing.T) {
	var c struct {
		Name   string `flag:"name" help:"whose"`
		shared `group:"Kafka"`
		Again  string `flag:"again" help:"once more"`
	}
	var out strings.Builder
	if err := Parse("up", "storefront up", &c, []string{"--help"}, func(string) string { return "" }, &out); !errors.Is(err, ErrHelp) {
		t.Fatal(err)
	}
	const want = "storefront up\n\nFlags:\n  --name                 whose\n  --again                once more\n\nKafka:\n  --kafka-brokers        brokers (default a:1, $BROKERS)\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestMistakesSayWhatWouldBeRight(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"--limitt=3", "up: there is no flag --limitt; did you mean --limit?; see 'storefront up --help'"},
		{"--limit=x", `up: --limit: "x" is not a whole number; see`},
		{"--wait=5", `up: --wait: "5" is not a duration; write it like 1m30s; see`},
		{"--zzzzzzzz", "up: there is no flag --zzzzzzzz; see 'storefront up --help'"},
		{"--fresh=perhaps", `up: --fresh: "perhaps" is neither true nor false; see`},
		{"--limit", "up: --limit needs a value; see"},
		{"---limit", `up: "---limit" is no flag; see`},
		{"--level=loud", `up: --level: "loud" is none of debug, info; see`},
		{"--port=70000", "up: --port: 70000 is not between 0 and 65500; see"},
		{"--port=-1", "up: --port: -1 is not between 0 and 65500; see"},
		{"now", `up: "now" is not expected; it takes only flags, which begin with --, see 'storefront up --help'`},
	} {
		var cfg struct {
			config
			Level string `flag:"level" default:"info" oneof:"debug info"`
			Port  int    `flag:"port" max:"65500"`
		}
		err := Parse("up", "", &cfg, []string{c.args}, func(string) string { return "" }, io.Discard)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", c.args, err, c.want)
		}
	}
	var cfg struct {
		Level string `flag:"level" env:"LEVEL" oneof:"debug info"`
	}
	if err := Parse("up", "", &cfg, nil, func(string) string { return "loud" }, io.Discard); err == nil || err.Error() != `LEVEL: "loud" is none of debug, info` {
		t.Errorf("a variable: %v", err)
	}
}
