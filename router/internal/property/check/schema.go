package check

import (
	"encoding/json"
	"slices"
	"strings"

	"storefront/router/internal/property/query"
)

// sortedSchema is a response's data with the lists beneath introspection sorted: the specification gives
// the types, fields and values of a schema no order.
func sortedSchema(data json.RawMessage) json.RawMessage {
	var tree any
	if json.Unmarshal(data, &tree) != nil {
		return data
	}
	sortSchema(tree)
	out, err := json.Marshal(tree)
	if err != nil {
		return data
	}
	return out
}

func sortSchema(v any) {
	switch v := v.(type) {
	case map[string]any:
		for key, member := range v {
			if key != "__typename" && strings.HasPrefix(key, "__") || strings.HasPrefix(key, query.SchemaKey) {
				sortLists(member)
			} else {
				sortSchema(member)
			}
		}
	case []any:
		for _, item := range v {
			sortSchema(item)
		}
	}
}

func sortLists(v any) {
	switch v := v.(type) {
	case map[string]any:
		for _, member := range v {
			sortLists(member)
		}
	case []any:
		texts := map[int]string{}
		order := make([]int, len(v))
		for i, item := range v {
			sortLists(item)
			data, err := json.Marshal(item)
			if err == nil {
				texts[i] = string(data)
			}
			order[i] = i
		}
		slices.SortFunc(order, func(a, b int) int { return strings.Compare(texts[a], texts[b]) })
		was := slices.Clone(v)
		for i, from := range order {
			v[i] = was[from]
		}
	}
}
