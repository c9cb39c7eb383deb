package execute

import (
	"slices"

	"storefront/internal/errs"
)

// ErrorRules are which errors of subgraphs go on to clients as the subgraphs put them. Of every other one
// a client learns that the subgraph failed, and where. The zero value lets none through.
type ErrorRules struct {
	Codes      []string // values of extensions.code whose message goes on; "*" is every code
	Extensions []string // keys of extensions that go on with them
}

// AllErrors lets every error through, with the extensions that help a client to mend its request.
func AllErrors() ErrorRules { return ErrorRules{Codes: []string{"*"}, Extensions: ClientExtensions()} }

// ClientExtensions are those that say what is wrong with a request, or when to send it again.
func ClientExtensions() []string { return []string{"field", "argumentName", "retryAfter"} }

// MaskedKey is where an error that is not let through has the code that the subgraph gave it, for logs. It
// is not for clients.
const MaskedKey = "masked"

// pass says what of an error goes on: its message and code, or ours.
func (e ErrorRules) pass(message, code, ours string) (string, string, bool) {
	if code != "" && slices.Contains(e.Codes, code) || slices.Contains(e.Codes, "*") {
		return message, code, true
	}
	return ours, string(errs.Internal), false
}
