package acl

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"storefront/consumers"
)

// MSK is an Amazon MSK cluster with IAM access control.
type MSK struct {
	Namespace string
	Region    string
	Account   string // 12 digits
	Cluster   string // its name, better with what stands behind the slash in its ARN: shop/0a1b2c3d-...
}

// Validate says what is wrong, by field.
func (m MSK) Validate() error {
	switch {
	case !regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]+$`).MatchString(m.Region):
		return fmt.Errorf("region: %q is no AWS region, such as eu-central-1", m.Region)
	case !regexp.MustCompile(`^[0-9]{12}$`).MatchString(m.Account):
		return fmt.Errorf("account: %q is no AWS account, which has 12 digits", m.Account)
	case !regexp.MustCompile(`^[A-Za-z0-9-]+(/[A-Za-z0-9-]+)?$`).MatchString(m.Cluster):
		return fmt.Errorf("cluster: %q is neither the name of a cluster nor NAME/UUID", m.Cluster)
	}
	return nil
}

// Policy is an IAM policy document.
type Policy struct {
	Version   string
	Statement []Statement
}

// Statement allows actions on resources.
type Statement struct {
	Sid      string
	Effect   string
	Action   []string
	Resource []string
}

// Policy is what a part's role is allowed. Unlike Kafka's own ACLs, IAM asks for the idempotent producer's
// right, and reading and writing do not include describing.
func (m MSK) Policy(a consumers.Access) Policy {
	p := Policy{Version: "2012-10-17"}
	add := func(sid, kind string, names []string, actions ...string) {
		if len(names) == 0 {
			return
		}
		s := Statement{Sid: sid, Effect: "Allow"}
		for _, action := range actions {
			s.Action = append(s.Action, "kafka-cluster:"+action)
		}
		for _, n := range names {
			s.Resource = append(s.Resource, m.arn(kind, n))
		}
		p.Statement = append(p.Statement, s)
	}
	connect := []string{"Connect"}
	if len(a.Writes) > 0 {
		connect = append(connect, "WriteDataIdempotently")
	}
	add("Connect", "cluster", []string{""}, connect...)
	add("Write", "topic", named(m.Namespace, a.Writes), "DescribeTopic", "WriteData")
	add("Read", "topic", named(m.Namespace, a.Reads), "DescribeTopic", "ReadData")
	add("Groups", "group", named(m.Namespace, a.Groups), "DescribeGroup", "AlterGroup")
	add("Create", "topic", named(m.Namespace, a.Creates), "CreateTopic", "DescribeTopic", "DescribeTopicDynamicConfiguration")
	return p
}

func (m MSK) arn(kind, name string) string {
	cluster := m.Cluster
	if !strings.Contains(cluster, "/") {
		cluster += "/*"
	}
	arn := "arn:" + m.partition() + ":kafka:" + m.Region + ":" + m.Account + ":" + kind + "/" + cluster
	if name == "" {
		return arn
	}
	return arn + "/" + name
}

// partition is the part of AWS that a region belongs to.
func (m MSK) partition() string {
	switch {
	case strings.HasPrefix(m.Region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(m.Region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

// Policies is the JSON of one policy, or of several in an object by the parts' names.
func (m MSK) Policies(list []consumers.Access) (string, error) {
	var b bytes.Buffer
	if len(list) == 1 {
		err := encode(&b, m.Policy(list[0]))
		return b.String(), err
	}
	b.WriteString("{")
	for i, a := range list {
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, "%q:", a.Name)
		if err := encode(&b, m.Policy(a)); err != nil {
			return "", err
		}
	}
	b.WriteString("}")
	var indented bytes.Buffer
	err := json.Indent(&indented, b.Bytes(), "", "  ")
	return indented.String() + "\n", err
}

func encode(b *bytes.Buffer, p Policy) error {
	e := json.NewEncoder(b)
	e.SetIndent("", "  ")
	return e.Encode(p)
}
