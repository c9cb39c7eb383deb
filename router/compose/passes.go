package compose

import "slices"

// pass is one step of composition; its name says what it does to the composer's state.
type pass struct {
	name string
	run  func(*composer)
}

// stage is a group of passes after which composition ends when an error was reported.
type stage struct {
	name   string
	passes []pass
}

// stages lists every pass in order. The order matters:
//   - links are resolved before anything reads a directive, because a directive's local name is
//     whatever @link says it is;
//   - Federation 1 schemas are upgraded when all others are known to be right, since how they share
//     and extend depends on these, and before their federation rules are checked, so that every later
//     pass knows one dialect only;
//   - interfaces and union members merge before fields, because merging field types asks which type
//     is a subtype of which;
//   - enums merge after fields, because how an enum merges depends on where it is used;
//   - satisfiability is last: it walks the finished supergraph.
func stages() []stage {
	return []stage{
		{"subgraphs", slices.Concat(
			[]pass{{"name subgraphs", nameSubgraphs}},
			each(every, true,
				own{"parse document", loadDocument},
				own{"resolve links", resolveLinks},
				own{"collect types and check GraphQL", collectAndValidate}),
			each(every, false, own{"read federation directives", readFederation}),
			each(every, true, own{"check implementations", validateImplementations}),
			each(federation2, false, federationChecks()...))},
		{"federation 1", slices.Concat(
			[]pass{
				{"check federation 1 extensions", checkFederation1Extensions},
				{"upgrade federation 1", upgradeFederation1},
			},
			each(federation1, false, federationChecks()...))},
		{"merge", []pass{
			{"resolve overrides", resolveOverrides},
			{"name merged directives", nameMerged},
			{"choose composed directives", chooseDirectives},
			{"merge types", mergeTypes},
			{"merge interfaces and members", mergeHierarchy},
			{"merge fields", mergeFields},
			{"merge input fields", mergeInputFields},
			{"hint at partial value types", hintValueTypes},
			{"copy interface object fields", copyInterfaceObjectFields},
			{"merge enums", mergeEnums},
			{"inherit access", inheritAccess},
			{"merge directives", mergeDirectives},
			{"check interface entities", checkInterfaceEntities},
			{"check field sharing", checkSharing},
			{"check externals", checkExternals},
		}},
		{"merged", []pass{
			{"apply contract", applyContract},
			{"check merged types", checkMerged},
			{"check required arguments", checkRequiredArguments},
			{"check transitive access", checkTransitiveAccess},
			{"check inaccessible", checkInaccessible},
		}},
		{"output", []pass{
			{"check satisfiability", checkSatisfiable},
			{"print", printSupergraph},
			{"check output", checkOutput},
		}},
	}
}

// own is a pass over one subgraph, which looks at no other.
type own struct {
	name string
	run  func(*report, *subgraph)
}

// federationChecks are what a subgraph must hold to on its own, whatever the others say.
func federationChecks() []own {
	return []own{
		{"check field sets", validateFieldSets},
		{"check use of directives", validateUsage},
		{"check cost and list size", validateCost},
		{"check what may be kept", validateCaching},
		{"check interface objects", validateInterfaceObjects},
		{"read contexts", readContexts},
	}
}

func every(*subgraph) bool         { return true }
func federation1(s *subgraph) bool { return !s.fed2 }
func federation2(s *subgraph) bool { return s.fed2 }

// each makes passes over the subgraphs that a pass has not found broken. The errors of a pass that
// breaks make its subgraph so: what follows would only repeat them. The other subgraphs go on.
func each(which func(*subgraph) bool, breaks bool, list ...own) []pass {
	var out []pass
	for _, p := range list {
		out = append(out, pass{p.name, func(c *composer) {
			for _, s := range c.subs {
				if s.broken || !which(s) {
					continue
				}
				before := len(c.report.errs)
				p.run(c.report, s)
				s.broken = breaks && len(c.report.errs) > before
			}
		}})
	}
	return out
}
