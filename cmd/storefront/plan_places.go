package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"storefront/internal/errs"
	"storefront/router/operation"
)

// inFile tells what is wrong with a file of GraphQL as editors and compilers do: a line FILE:LINE:COL: message
// for each mistake, without the place where none is known.
func inFile(file string, err error) error {
	var list gqlerror.List
	if one, ok := errors.AsType[*gqlerror.Error](err); ok {
		list = gqlerror.List{one}
	} else if !errors.As(err, &list) {
		return errs.New(errs.BadInput, "%s: %s", file, err)
	}
	var lines []string
	for _, e := range list {
		place := file
		if len(e.Locations) > 0 {
			place = fmt.Sprintf("%s:%d:%d", file, e.Locations[0].Line, e.Locations[0].Column)
		}
		lines = append(lines, place+": "+operation.Brief(e.Message))
	}
	return errs.New(errs.BadInput, "%s", strings.Join(lines, "\n"))
}

// supergraphName is what mistakes in a supergraph are told of.
func supergraphName(file string) string {
	if file == "" {
		return "the built-in supergraph"
	}
	return file
}
