package acl

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"storefront/consumers"
	"storefront/schema"
)

var update = flag.Bool("update", false, "write testdata and deploy/kafka/acls.yaml anew")

// list is the deploy/kafka/acls.yaml of the repository.
const list = "../../deploy/kafka/acls.yaml"

func accesses(t *testing.T) []consumers.Access {
	t.Helper()
	feeds, err := consumers.LiveFeeds(schema.Supergraph)
	if err != nil {
		t.Fatal(err)
	}
	return consumers.Accesses(feeds)
}

func checkGolden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not what the code does; if that is meant: go test ./consumers/acl -update\n%s", file, difference(string(want), got))
	}
}

// difference is what two texts have between the lines that they begin and end with alike.
func difference(was, is string) string {
	before, after := strings.Split(was, "\n"), strings.Split(is, "\n")
	for len(before) > 0 && len(after) > 0 && before[0] == after[0] {
		before, after = before[1:], after[1:]
	}
	for len(before) > 0 && len(after) > 0 && before[len(before)-1] == after[len(after)-1] {
		before, after = before[:len(before)-1], after[:len(after)-1]
	}
	return "was:\n" + strings.Join(before, "\n") + "\nis:\n" + strings.Join(after, "\n")
}

// What is deployed is what the code does, read back as whoever uses it would.
func TestListAgreesWithTheCode(t *testing.T) {
	t.Parallel()
	all := accesses(t)
	checkGolden(t, list, YAML(all))
	b, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	var parts map[string]struct{ Write, Read, Groups, Create []string }
	if err := yaml.Unmarshal(b, &parts); err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		p, ok := parts[a.Name]
		if got := (consumers.Access{Name: a.Name, Writes: p.Write, Reads: p.Read, Groups: p.Groups, Creates: p.Create}); !ok || !reflect.DeepEqual(got, a) {
			t.Errorf("%s says %+v, the code %+v", list, got, a)
		}
	}
	if len(parts) != len(all) {
		t.Errorf("%s has %d parts, the code %d", list, len(parts), len(all))
	}
}

func TestKafkaCommands(t *testing.T) {
	t.Parallel()
	k := Kafka{Namespace: "shop1.", PrincipalPrefix: "User:storefront-"}
	checkGolden(t, filepath.Join("testdata", "kafka.sh"), k.Commands(accesses(t)))

	odd := Kafka{PrincipalPrefix: "User:CN=o'shop ", Bootstrap: "a:1,b:2", CommandConfig: "my admin.properties"}
	got := odd.Commands([]consumers.Access{{Name: "users", Writes: []string{"user-events"}}})
	want := "# users\nkafka-acls.sh --bootstrap-server a:1,b:2 --command-config 'my admin.properties' --add " +
		`--allow-principal 'User:CN=o'\''shop users' --operation Write --topic user-events` + "\n"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// A shell gives kafka-acls.sh the words that are meant.
func TestCommandsAreShell(t *testing.T) {
	t.Parallel()
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no sh here")
	}
	dir := t.TempDir()
	tool := "#!/bin/sh\nfor word in \"$@\"; do printf '%s|' \"$word\"; done\necho\n"
	if err := os.WriteFile(filepath.Join(dir, "kafka-acls.sh"), []byte(tool), 0o755); err != nil {
		t.Fatal(err)
	}
	k := Kafka{PrincipalPrefix: "User:CN=a 'b' $c ", CommandConfig: "x y"}
	cmd := exec.CommandContext(t.Context(), shell, "-eu", "-c", k.Commands([]consumers.Access{{Name: "p", Reads: []string{"t"}, Groups: []string{"g"}}}))
	cmd.Env = []string{"PATH=" + dir + ":/usr/bin:/bin", "BOOTSTRAP_SERVERS=h:1,h:2"}
	out, err := cmd.CombinedOutput()
	want := "--bootstrap-server|h:1,h:2|--command-config|x y|--add|--allow-principal|User:CN=a 'b' $c p|--operation|Read|--topic|t|--group|g|\n"
	if err != nil || string(out) != want {
		t.Errorf("%v\ngot  %s\nwant %s", err, out, want)
	}
}

func TestMSKPolicies(t *testing.T) {
	t.Parallel()
	m := MSK{Namespace: "shop1.", Region: "eu-central-1", Account: "123456789012", Cluster: "shop/0a1b2c3d-1111-2222-3333-444455556666-1"}
	if err := m.Validate(); err != nil {
		t.Fatal(err)
	}
	all := accesses(t)
	got, err := m.Policies(all)
	if err != nil {
		t.Fatal(err)
	}
	checkGolden(t, filepath.Join("testdata", "msk.json"), got)
	var byName map[string]Policy
	if err := json.Unmarshal([]byte(got), &byName); err != nil || len(byName) != len(all) {
		t.Fatalf("%d policies, %v", len(byName), err)
	}
	for _, a := range all {
		b, err := json.Marshal(m.Policy(a))
		if err != nil {
			t.Fatal(err)
		}
		if len(b) > 6144 {
			t.Errorf("the policy of %s has %d characters; a managed policy has at most 6,144", a.Name, len(b))
		}
		if one, err := m.Policies([]consumers.Access{a}); err != nil || !json.Valid([]byte(one)) || strings.Contains(one, `"`+a.Name+`":`) {
			t.Errorf("the policy of %s alone is %s, %v", a.Name, one, err)
		}
	}
}

func TestMSKNamesOfResources(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		m    MSK
		want string
	}{
		{MSK{Region: "eu-central-1", Account: "123456789012", Cluster: "shop"}, "arn:aws:kafka:eu-central-1:123456789012:topic/shop/*/t"},
		{MSK{Region: "cn-north-1", Account: "123456789012", Cluster: "shop/u-1"}, "arn:aws-cn:kafka:cn-north-1:123456789012:topic/shop/u-1/t"},
		{MSK{Region: "us-gov-west-1", Account: "123456789012", Cluster: "shop/u-1"}, "arn:aws-us-gov:kafka:us-gov-west-1:123456789012:topic/shop/u-1/t"},
	} {
		if got := c.m.arn("topic", "t"); got != c.want || c.m.Validate() != nil {
			t.Errorf("got %s, want %s; %v", got, c.want, c.m.Validate())
		}
	}
	for _, wrong := range []MSK{
		{Account: "123456789012", Cluster: "shop"},
		{Region: "eu-central-1", Account: "1234", Cluster: "shop"},
		{Region: "eu-central-1", Account: "123456789012"},
		{Region: "eu-central-1", Account: "123456789012", Cluster: "arn:aws:kafka:a/b/c"},
	} {
		if wrong.Validate() == nil {
			t.Errorf("%+v is taken", wrong)
		}
	}
}
