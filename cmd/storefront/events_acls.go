package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"storefront/consumers"
	"storefront/consumers/acl"
	"storefront/internal/errs"
	"storefront/internal/flags"
	"storefront/internal/kafka"
	"storefront/schema"
)

// ACLsConfig is what `storefront events acls` takes.
type ACLsConfig struct {
	Format    string `flag:"format" default:"kafka" help:"kafka for kafka-acls.sh commands, msk for IAM policies, yaml for the list in deploy/kafka"`
	Namespace string `flag:"kafka-namespace" env:"STOREFRONT_KAFKA_NAMESPACE" help:"what is put before the name of every topic and group"`

	Prefix        string `flag:"principal-prefix" default:"User:storefront-" help:"kafka: what stands before a part's name in its principal"`
	Bootstrap     string `flag:"bootstrap-server" help:"kafka: brokers for kafka-acls.sh; absent, the commands take them from $BOOTSTRAP_SERVERS"`
	CommandConfig string `flag:"command-config" help:"kafka: properties file for kafka-acls.sh with the credentials of one who may alter ACLs"`

	Region  string `flag:"region" env:"AWS_REGION" help:"msk: the cluster's AWS region"`
	Account string `flag:"account" help:"msk: the cluster's AWS account"`
	Cluster string `flag:"cluster" help:"msk: the cluster, NAME or NAME/UUID as in its ARN"`
}

const aclsUsage = `storefront events acls [PART...]: prints what parts of the storefront may do at Kafka, and nothing more, so that
each can have credentials of its own. A PART is a service, router, operator (the commands of storefront events)
or admin (who makes topics); all of them when none is named. It connects to nothing.

  storefront events acls --bootstrap-server kafka:9092 --command-config admin.properties | sh
  storefront events acls --format msk --region eu-central-1 --account 123456789012 --cluster shop/UUID orders`

func runEventsACLs(_ context.Context, std stdio, args []string) error {
	var cfg ACLsConfig
	parts, err := flags.ParseArgs("events acls", aclsUsage, &cfg, args, std.env, std.out)
	if err != nil {
		return err
	}
	list, err := chosen(parts)
	if err != nil {
		return err
	}
	if err := (kafka.Config{Brokers: []string{"any:1"}, Namespace: cfg.Namespace}).Validate(); err != nil {
		return errs.Wrap(errs.BadInput, err, "--kafka-namespace is not valid")
	}
	text, err := cfg.text(list)
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(std.out, text)
	return err
}

func (c ACLsConfig) text(list []consumers.Access) (string, error) {
	switch c.Format {
	case "kafka":
		return acl.Kafka{Namespace: c.Namespace, PrincipalPrefix: c.Prefix, Bootstrap: c.Bootstrap, CommandConfig: c.CommandConfig}.Commands(list), nil
	case "yaml":
		return acl.YAML(list), nil
	case "msk":
		m := acl.MSK{Namespace: c.Namespace, Region: c.Region, Account: c.Account, Cluster: c.Cluster}
		if err := m.Validate(); err != nil {
			return "", errs.New(errs.BadInput, "give --region, --account and --cluster: %v", err)
		}
		return m.Policies(list)
	}
	return "", errs.New(errs.BadInput, "--format %q is none of kafka, msk, yaml", c.Format)
}

// chosen is the access of the parts that were named, or of all.
func chosen(parts []string) ([]consumers.Access, error) {
	feeds, err := consumers.LiveFeeds(schema.Supergraph)
	if err != nil {
		return nil, err
	}
	all := consumers.Accesses(feeds)
	if len(parts) == 0 {
		return all, nil
	}
	var list []consumers.Access
	for _, name := range parts {
		i := slices.IndexFunc(all, func(a consumers.Access) bool { return a.Name == name })
		if i < 0 {
			names := make([]string, len(all))
			for i, a := range all {
				names[i] = a.Name
			}
			return nil, errs.New(errs.BadInput, "there is no part %q; it is one of %s", name, strings.Join(names, ", "))
		}
		list = append(list, all[i])
	}
	return list, nil
}
