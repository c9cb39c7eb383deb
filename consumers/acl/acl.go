// Package acl writes what each part of the storefront may do at Kafka in the forms that clusters take:
// kafka-acls.sh commands, IAM policies of Amazon MSK, and the list in deploy/kafka.
//
// It decides nothing: who does what follows from the code, see consumers.Accesses.
package acl

import (
	"fmt"
	"strings"

	"storefront/consumers"
)

// named puts a namespace before every topic and group.
func named(namespace string, names []string) []string {
	list := make([]string, len(names))
	for i, n := range names {
		list[i] = namespace + n
	}
	return list
}

const yamlHead = `# What each part of Storefront does at Kafka, and so all that its credentials have to allow. It follows from
# the code: which events a service makes and handles, and which topics subscriptions are fed from. Written by
#   storefront events acls --format yaml
# and held to the code by a test. The same command writes kafka-acls.sh commands and IAM policies of Amazon
# MSK; with --kafka-namespace, the namespace is put before every topic and group.
#
#   write   topics that it publishes to: its own events, dead letters of what it handles, its retry topic
#   read    topics that it reads, in its group or, for subscriptions and the search index, without one
#   groups  consumer groups that it joins; the operator looks at their offsets and moves them
#   create  topics that it makes, before the others start
`

// YAML lists accesses by name.
func YAML(list []consumers.Access) string {
	var b strings.Builder
	b.WriteString(yamlHead)
	for _, a := range list {
		fmt.Fprintf(&b, "\n%s:\n", a.Name)
		for _, part := range []struct {
			key   string
			names []string
		}{{"write", a.Writes}, {"read", a.Reads}, {"groups", a.Groups}, {"create", a.Creates}} {
			if len(part.names) == 0 {
				continue
			}
			fmt.Fprintf(&b, "  %s:\n", part.key)
			for _, n := range part.names {
				fmt.Fprintf(&b, "    - %s\n", n)
			}
		}
	}
	return b.String()
}
