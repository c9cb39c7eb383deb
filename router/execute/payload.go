package execute

import (
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Payload is one part of a response that is delivered in several, in the format of the incremental
// delivery draft (graphql-spec, pull request 1203) that graphql-js 17 speaks: fragments are told of as
// pending, their data comes as incremental, and they end as completed.
type Payload struct {
	First       *Response // of the first payload; nil in those that follow
	Pending     []Pending
	Incremental []Incremental
	Completed   []Completed
	HasNext     bool // another payload follows
}

// Pending tells of a deferred fragment that will come.
type Pending struct {
	ID    string
	Path  ast.Path // of the object it belongs to
	Label string   // "" for none
}

// Incremental is data of a deferred fragment: members of the object at SubPath beneath the fragment's.
type Incremental struct {
	ID      string
	SubPath ast.Path
	Data    []byte // a JSON object
	Errors  gqlerror.List
}

// Completed ends a deferred fragment. With errors, a null stands where none may: then none of what was
// not sent yet will be.
type Completed struct {
	ID     string
	Errors gqlerror.List
}

// EachErrors replaces every list of errors in the payload by what f makes of it.
func (p *Payload) EachErrors(f func(gqlerror.List) gqlerror.List) {
	each := func(list *gqlerror.List) {
		if len(*list) > 0 {
			*list = f(*list)
		}
	}
	if p.First != nil {
		each(&p.First.Errors)
	}
	for i := range p.Incremental {
		each(&p.Incremental[i].Errors)
	}
	for i := range p.Completed {
		each(&p.Completed[i].Errors)
	}
}

// JSON returns the payload as JSON.
func (p *Payload) JSON() []byte {
	b := []byte{'{'}
	if p.First != nil {
		b = append(b, p.First.JSON()...)
		b = b[1 : len(b)-1]
	}
	b = appendList(b, "pending", p.Pending, func(b []byte, n Pending) []byte {
		b = appendPath(appendID(b, n.ID), "path", n.Path)
		if n.Label != "" {
			b = appendMember(b, "label", n.Label)
		}
		return append(b, '}')
	})
	b = appendList(b, "incremental", p.Incremental, func(b []byte, n Incremental) []byte {
		b = appendID(b, n.ID)
		if len(n.SubPath) > 0 {
			b = appendPath(b, "subPath", n.SubPath)
		}
		b = append(append(b, `,"data":`...), n.Data...)
		return append(appendErrors(b, n.Errors), '}')
	})
	b = appendList(b, "completed", p.Completed, func(b []byte, n Completed) []byte {
		return append(appendErrors(appendID(b, n.ID), n.Errors), '}')
	})
	return append(strconv.AppendBool(append(comma(b), `"hasNext":`...), p.HasNext), '}')
}

func appendID(b []byte, id string) []byte { return append(append(append(b, `{"id":"`...), id...), '"') }

func appendErrors(b []byte, list gqlerror.List) []byte {
	if len(list) == 0 {
		return b
	}
	return appendMember(b, "errors", list)
}

func appendPath(b []byte, name string, path ast.Path) []byte {
	if path == nil {
		path = ast.Path{}
	}
	return appendMember(b, name, path)
}

func appendList[T any](b []byte, name string, list []T, one func([]byte, T) []byte) []byte {
	if len(list) == 0 {
		return b
	}
	b = append(append(append(comma(b), '"'), name...), `":[`...)
	for i, item := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = one(b, item)
	}
	return append(b, ']')
}
