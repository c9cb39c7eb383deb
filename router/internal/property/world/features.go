package world

import (
	"slices"
	"strings"
)

// Features names what a world has, for counting.
func (w *World) Features() []string {
	has := map[string]bool{}
	for _, s := range w.Subs {
		has["Federation 1 subgraph"] = has["Federation 1 subgraph"] || s.Fed1
		has["input that differs"] = has["input that differs"] || s.More
	}
	for _, t := range w.Types {
		has[t.Kind] = true
		has["@interfaceObject"] = has["@interfaceObject"] || len(t.Objects) > 0
		has["interface that implements one"] = has["interface that implements one"] || t.Kind == Interface && len(t.Implements) > 0
		has["value type in parts"] = has["value type in parts"] || t.Name == "S0"
		has["mutation"] = has["mutation"] || t.Name == "Mutation"
		has["subscription"] = has["subscription"] || t.Name == "Subscription"
		has["several keys"] = has["several keys"] || len(t.Keys) > 1
		has["entity missing or failing"] = has["entity missing or failing"] || t.Gap != nil
		has["@interfaceObject missing or failing"] = has["@interfaceObject missing or failing"] || t.Gap != nil && t.Kind == Interface
		has["@context"] = has["@context"] || len(t.Contexts) > 0
		has["@context on an interface"] = has["@context on an interface"] || len(t.Contexts) > 0 && t.Kind == Interface
		for _, k := range t.Keys {
			has["nested key"] = has["nested key"] || strings.Contains(k.Fields, "{")
			has["compound key"] = has["compound key"] || strings.Contains(k.Fields, " ") && !strings.Contains(k.Fields, "{")
			for _, at := range k.At {
				has["resolvable: false"] = has["resolvable: false"] || at.Unresolvable
			}
		}
		for _, f := range t.Fields {
			has["@inaccessible"] = has["@inaccessible"] || f.Hidden
			has["query root in an entity"] = has["query root in an entity"] || base(f.Type) == "Query"
			has["list of lists"] = has["list of lists"] || strings.HasPrefix(f.Type, "[[")
			has["null where none may be"] = has["null where none may be"] || f.Dirty
			has["failing field"] = has["failing field"] || f.Fails
			for _, a := range f.Args {
				has["@fromContext of several types"] = has["@fromContext of several types"] || strings.Contains(a.From, "...")
				has["@fromContext with nested selection"] = has["@fromContext with nested selection"] || strings.Count(a.From, "{") > 1 && !strings.Contains(a.From, "...")
			}
			has["arguments"] = has["arguments"] || len(f.Args) > 0
			has["@shareable"] = has["@shareable"] || t.Kind == Object && len(f.resolvers()) > 1 && !f.Key
			for _, p := range f.At {
				has["@requires"] = has["@requires"] || p.Requires != ""
				has["@requires with nested selection"] = has["@requires with nested selection"] || strings.Contains(p.Requires, "{")
				has["@requires with arguments"] = has["@requires with arguments"] || strings.Contains(p.Requires, "(")
				has["@requires with fragments"] = has["@requires with fragments"] || strings.Contains(p.Requires, "...")
				has["@provides with fragments"] = has["@provides with fragments"] || strings.Contains(p.Provides, "...")
				has["@requires on @interfaceObject"] = has["@requires on @interfaceObject"] || p.Requires != "" && t.Kind == Interface
				has["@provides"] = has["@provides"] || p.Provides != ""
				has["@provides with nested selection"] = has["@provides with nested selection"] || strings.Contains(p.Provides, "{")
				has["narrower type"] = has["narrower type"] || p.Narrow != ""
				has["@override"] = has["@override"] || p.Override != ""
				has["@override with a label"] = has["@override with a label"] || p.Label != ""
			}
		}
	}
	var out []string
	for name, yes := range has {
		if yes {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}
