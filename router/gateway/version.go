package gateway

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// versionAlias is the response key under which the gateway asks for an entity's version. Names that
// begin with two underscores are reserved, so no client's alias is the same.
const versionAlias = "__live_version"

// takeVersion cuts the version out of a live field's state. data is the response's data, an object
// with the one member responseKey; present is false when that is null or missing.
func takeVersion(data []byte, responseKey string) (rest []byte, version any, present bool) {
	var root map[string]json.RawMessage
	if err := json.Unmarshal(data, &root); err != nil {
		return data, nil, false
	}
	entity, ok := root[responseKey]
	if !ok || bytes.Equal(entity, []byte("null")) {
		return data, nil, false
	}
	d := json.NewDecoder(bytes.NewReader(entity))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return data, nil, true
	}
	for d.More() {
		start := d.InputOffset()
		name, err := d.Token()
		if err != nil {
			return data, nil, true
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return data, nil, true
		}
		if name != versionAlias {
			continue
		}
		_ = unmarshal(value, &version)
		before := bytes.TrimRight(entity[:start], ", \t\r\n")
		after := bytes.TrimLeft(entity[d.InputOffset():], " \t\r\n")
		if bytes.HasSuffix(before, []byte("{")) {
			after = bytes.TrimLeft(after, ", \t\r\n")
		}
		return fmt.Appendf(nil, "{%s:%s%s}", marshal(responseKey), before, after), version, true
	}
	return data, nil, true
}

// newer reports whether version a comes after b. Whole numbers compare as such, everything else as
// text; an unknown version is always news.
func newer(a, b any) bool {
	if a == nil || b == nil {
		return true
	}
	x, y := text(a), text(b)
	i, errI := strconv.ParseInt(x, 10, 64)
	j, errJ := strconv.ParseInt(y, 10, 64)
	if errI == nil && errJ == nil {
		return i > j
	}
	return strings.Compare(x, y) > 0
}

// text is a JSON scalar as it would be written; large whole numbers without an exponent.
func text(v any) string {
	if f, ok := v.(float64); ok {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}

// keyText is an argument's value as the key of an event.
func keyText(v any) (string, bool) {
	if v == nil {
		return "", false
	}
	s := text(v)
	return s, s != ""
}
