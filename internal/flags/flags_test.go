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
	rest, err := Parse("up", "", &c, []string{"file.csv", "--kafka-brokers", "x:1", "--kafka-brokers=y:2", "--fresh"}, func(k string) string { return env[k] }, io.Discard)
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
	if _, err := Parse("up", "storefront up", &c, []string{"--help"}, func(string) string { return "" }, &out); !errors.Is(err, ErrHelp) {
		t.Fatal(err)
	}
	const want = "storefront up\n\nFlags:\n  --name                 whose\n  --again                once more\n\nKafka:\n  --kafka-brokers        brokers (default a:1, $BROKERS)\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestMistakesSayWhatWouldBeRight(t *testing.T) {
	for args, want := range map[string]string{
		"--limitt=3": "did you mean --limit?",
		"--limit=x":  "not a whole number",
		"--wait=5":   "write it like 1m30s",
		"--zzzzzzzz": "there is no flag --zzzzzzzz; see 'storefront up --help'",
	} {
		var c config
		_, err := Parse("up", "", &c, []string{args}, func(string) string { return "" }, io.Discard)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q in it", args, err, want)
		}
	}
}
