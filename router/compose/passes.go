package compose

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
//   - Federation 1 schemas are upgraded before federation rules are checked, so that every later
//     pass knows one dialect only;
//   - interfaces and union members merge before fields, because merging field types asks which type
//     is a subtype of which;
//   - enums merge after fields, because how an enum merges depends on where it is used;
//   - satisfiability is last: it walks the finished supergraph.
func stages() []stage {
	return []stage{
		{"load", []pass{
			{"name subgraphs", nameSubgraphs},
			{"parse documents", loadDocuments},
			{"resolve links", resolveLinks},
		}},
		{"subgraphs", []pass{
			{"collect types", collectTypes},
			{"check GraphQL", validateGraphQL},
		}},
		{"federation", []pass{
			{"read federation directives", readFederation},
			{"upgrade federation 1", upgradeFederation1},
			{"check field sets", validateFieldSets},
			{"check use of directives", validateUsage},
			{"check cost and list size", validateCost},
			{"check interface objects", validateInterfaceObjects},
			{"read contexts", readContexts},
		}},
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
