package operations

// The formats of manifests, told apart by what is in them.
//
//	Apollo   {"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"id", "name", "type", "body"}]}
//	Relay    {"<md5 of the text>": "<text>", ...}               persisted_queries.json of relay-compiler
//	Codegen  {"<sha1 or sha256>": "<text>", ...}                persisted-documents.json of the client preset
//
// The last two differ in nothing but the hash, and any other id is as good: a manifest is an object of ids and texts.

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"storefront/internal/errs"
)

// What Manifest.Format is.
const (
	Apollo  = "Apollo"
	Relay   = "Relay"
	Codegen = "GraphQL Code Generator"
	Plain   = "ids and texts"
)

const (
	manifestName = "apollo-persisted-query-manifest"
	maxTokens    = 20_000 // of one text, when its operation's name is looked for
)

// ParseManifest reads a manifest in any of the formats, and names what is wrong with it.
func ParseManifest(data []byte) (Manifest, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return Manifest{}, errs.Wrap(errs.BadInput, err, "the manifest is no JSON object")
	}
	m := Manifest{Format: Apollo}
	var err error
	if _, apollo := members["format"]; apollo && members["operations"] != nil || len(members) == 0 {
		m.Operations, err = readApollo(data)
	} else if m.Operations, err = readTexts(data); err == nil {
		m.Format = formatOf(m.Operations)
	}
	if err != nil {
		return Manifest{}, err
	}
	return m, m.check()
}

func readApollo(data []byte) ([]Operation, error) {
	var m struct {
		Format     string      `json:"format"`
		Version    int         `json:"version"`
		Operations []Operation `json:"operations"`
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, errs.Wrap(errs.BadInput, err, "the manifest is none of Apollo's")
	}
	if m.Format != manifestName || m.Version != 1 {
		return nil, errs.New(errs.BadInput, "the manifest's format is %q version %d; it has to be %q version 1, or an object of ids and texts", m.Format, m.Version, manifestName)
	}
	return m.Operations, nil
}

// readTexts reads an object of ids and texts in the order in which it was written, repeated ids included.
func readTexts(data []byte) ([]Operation, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	if _, err := d.Token(); err != nil {
		return nil, errs.Wrap(errs.BadInput, err, "the manifest is no JSON object")
	}
	var list []Operation
	for d.More() {
		id, err := d.Token()
		if err != nil {
			return nil, errs.Wrap(errs.BadInput, err, "the manifest is no JSON object")
		}
		o := Operation{ID: id.(string)}
		if d.Decode(&o.Body) != nil {
			return nil, errs.New(errs.BadInput, "the manifest's member %q is no text; a manifest is Apollo's (%q), or an object of ids and texts, as Relay and GraphQL Code Generator write it", o.ID, manifestName)
		}
		o.Name, o.Type = nameOf(o.Body)
		list = append(list, o)
	}
	return list, nil
}

// nameOf is the name and the kind of a text's only operation. A text with a mistake has neither: whoever
// validates it says what is wrong.
func nameOf(text string) (name, kind string) {
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: text}, maxTokens)
	if err != nil || len(doc.Operations) != 1 {
		return "", ""
	}
	return doc.Operations[0].Name, string(doc.Operations[0].Operation)
}

// formatOf tells by their ids who has hashed the texts.
func formatOf(list []Operation) string {
	length := len(list[0].ID)
	for _, o := range list {
		if _, err := hex.DecodeString(o.ID); err != nil || len(o.ID) != length {
			return Plain
		}
	}
	switch length {
	case 2 * md5.Size:
		return Relay
	case 2 * sha1.Size, 2 * sha256.Size:
		return Codegen
	}
	return Plain
}
