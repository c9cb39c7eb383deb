package acl

import (
	"fmt"
	"regexp"
	"strings"

	"storefront/consumers"
)

// Kafka says who is meant by a part, and where the commands go.
type Kafka struct {
	Namespace       string
	PrincipalPrefix string // before a part's name: "User:storefront-"
	Bootstrap       string // empty: the variable BOOTSTRAP_SERVERS of whoever runs the commands
	CommandConfig   string // a properties file with the credentials of one who may alter ACLs; empty: none
}

// Commands are kafka-acls.sh commands, one for each operation of each part.
//
// Read and Write include Describe. An idempotent producer needs no right of its own since Kafka 2.8
// (KIP-679), and none of ours has transactions.
func (k Kafka) Commands(list []consumers.Access) string {
	var b strings.Builder
	for _, a := range list {
		fmt.Fprintf(&b, "# %s\n", a.Name)
		k.command(&b, a.Name, []string{"Write"}, a.Writes, nil)
		k.command(&b, a.Name, []string{"Read"}, a.Reads, a.Groups)
		k.command(&b, a.Name, []string{"Create", "Describe", "DescribeConfigs"}, a.Creates, nil)
	}
	return b.String()
}

func (k Kafka) command(b *strings.Builder, part string, operations, topics, groups []string) {
	if len(topics)+len(groups) == 0 {
		return
	}
	words := []string{"kafka-acls.sh", "--bootstrap-server", `"$BOOTSTRAP_SERVERS"`}
	if k.Bootstrap != "" {
		words[2] = shellWord(k.Bootstrap)
	}
	if k.CommandConfig != "" {
		words = append(words, "--command-config", shellWord(k.CommandConfig))
	}
	words = append(words, "--add", "--allow-principal", shellWord(k.PrincipalPrefix+part))
	for _, o := range operations {
		words = append(words, "--operation", o)
	}
	for _, t := range named(k.Namespace, topics) {
		words = append(words, "--topic", shellWord(t))
	}
	for _, g := range named(k.Namespace, groups) {
		words = append(words, "--group", shellWord(g))
	}
	b.WriteString(strings.Join(words, " ") + "\n")
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// shellWord is s as one word of a POSIX shell.
func shellWord(s string) string {
	if plainWord.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
