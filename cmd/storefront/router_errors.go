package main

// Which errors of subgraphs clients get as the subgraphs put them.

import (
	"slices"
	"strings"

	"storefront/internal/errs"
	"storefront/router/execute"
	"storefront/router/gateway"
)

// ErrorFlags are which errors go on. Of every other one a client gets a message with the request's id, and the
// trace's in its extensions.
type ErrorFlags struct {
	ErrorCodes      []string `flag:"error-code" env:"STOREFRONT_ERROR_CODES" help:"extensions.code of subgraphs' errors whose message clients get, * for any; repeatable; when absent those of Storefront's services, and with --supergraph BAD_INPUT, BAD_USER_INPUT, UNAUTHENTICATED, FORBIDDEN, NOT_FOUND and CONFLICT: what a client can mend"`
	ErrorExtensions []string `flag:"error-extension" env:"STOREFRONT_ERROR_EXTENSIONS" default:"field,argumentName,retryAfter" help:"key of extensions that clients get with such a message, where it is a text, a number or a list of them; repeatable"`
}

// rules are what the flags say. own: the subgraphs are Storefront's. What others say of being overloaded or
// away may name hosts, so of theirs only that goes on which is about the request.
func (f ErrorFlags) rules(own bool) (execute.ErrorRules, error) {
	rules := gateway.DefaultErrors()
	if !own {
		rules.Codes = []string{string(errs.BadInput), "BAD_USER_INPUT", string(errs.Unauthenticated), string(errs.Forbidden), string(errs.NotFound), string(errs.Conflict)}
	}
	if len(f.ErrorCodes) > 0 {
		rules.Codes = f.ErrorCodes
	}
	rules.Extensions = f.ErrorExtensions
	for _, word := range slices.Concat(rules.Codes, rules.Extensions) {
		if strings.ContainsAny(word, " \t") || word == "" {
			return rules, errs.New(errs.BadInput, "--error-code and --error-extension take one word each, such as FORBIDDEN and field, not %q", word)
		}
	}
	return rules, nil
}
