package compose

// mend says how an error of this code is put right.
func mend(code string) string {
	switch code {
	case codeInvalidGraphQL:
		return "write the schema as the GraphQL specification says"
	case codeInvalidSubgraphName:
		return "give each subgraph a name of its own: a letter, then letters, digits, \"-\" or \"_\""
	case codeUnknownFederationLinkVersion:
		return "use a version from v2.0 to v2.14 in the federation @link"
	case codeUnknownLinkVersion:
		return "link https://specs.apollo.dev/link/v1.0, or leave that link out"
	case codeInvalidLinkUsage, codeInvalidLinkIdentifier:
		return "write @link(url: \"https://…/name/v1.0\", as: \"name\", import: [\"@directive\", { name: \"@directive\", as: \"@other\" }])"
	case codeLinkImportNameMismatch:
		return "import the directive under the same name in every subgraph that applies it"
	case codeUnsupportedLinkedFeature:
		return "leave the specification out of this subgraph, or serve what it does from a GraphQL server"
	case codeTypeDefinitionInvalid, codeDirectiveDefinitionInvalid:
		return "take the definition out, since it is supplied, or define it as its specification does"
	case codeDirectiveComposition:
		return "define the directive, @link it to its specification with import, and name it as in @composeDirective(name: \"@name\")"
	case codeRootQueryUsed, codeRootMutationUsed, codeRootSubscriptionUsed:
		return "rename the type that has a root's name without being it"
	}
	for _, more := range []func(string) string{mendFieldSet, mendExternal, mendEntity, mendMerge, mendInaccessible, mendAnnotation} {
		if s := more(code); s != "" {
			return s
		}
	}
	return ""
}

func mendFieldSet(code string) string {
	switch code {
	case codeKeyInvalidFields, codeRequiresInvalidFields, codeProvidesInvalidFields:
		return "name fields of the type as one would select them, such as \"id organization { id }\""
	case codeKeyInvalidFieldsType, codeRequiresInvalidFieldsType, codeProvidesInvalidFieldsType:
		return "write fields as a string"
	case codeKeyFieldsHasArgs, codeProvidesFieldsHasArgs:
		return "use fields that take no arguments"
	case codeKeyFieldsSelectInvalidType:
		return "use fields whose types are scalars, enums or objects in a key, not interfaces or unions"
	case codeKeyDirectiveInFields, codeRequiresDirectiveInFields, codeProvidesDirectiveInFields:
		return "take the directive out of the field set"
	case codeKeyUnsupportedOnInterface:
		return "link federation v2.3 or newer, or move the key to the implementing types"
	case codeRequiresUnsupportedInterface, codeProvidesUnsupportedInterface:
		return "move the directive to the fields of the implementing types"
	case codeProvidesOnNonObject:
		return "take @provides off: a scalar or enum is always given whole"
	case codeProvidesMissingExternal, codeRequiresMissingExternal:
		return "mark the field @external, or leave it out: a subgraph needs no help for what it resolves itself"
	}
	return ""
}

func mendExternal(code string) string {
	switch code {
	case codeExternalUnused:
		return "remove the field, or use it in @key, @requires, @provides or an interface the type implements"
	case codeExternalOnInterface:
		return "take @external off: an interface resolves nothing"
	case codeExternalCollision:
		return "keep @external for fields of others and the other directive for the subgraph's own"
	case codeExternalMissingOnBase:
		return "define the field without @external in the subgraph that resolves it"
	case codeExternalTypeMismatch, codeExternalArgumentTypeMismatch, codeExternalArgumentDefault:
		return "declare the external field as the subgraph that resolves it does"
	case codeExternalArgumentMissing:
		return "declare the argument on the external field too"
	case codeMergedDirectiveOnExternal:
		return "put the directive where the field is resolved"
	case codeTypeWithOnlyUnusedExternal:
		return "remove the type, or use one of its fields in a key"
	case codeInvalidShareableUsage:
		return "put @shareable once, on object types or their fields"
	case codeInvalidFieldSharing:
		return "mark the field @shareable in every subgraph that resolves it, or move it with @override"
	case codeOverrideFromSelf:
		return "name the subgraph that the field is taken over from"
	case codeOverrideSourceHasOverride:
		return "keep @override in one subgraph only"
	case codeOverrideCollision:
		return "take the other directive off the field in either subgraph, or remove the old field instead of overriding it"
	case codeOverrideOnInterface:
		return "put @override on the fields of the implementing types"
	case codeOverrideLabelInvalid:
		return "use a label such as \"percent(10)\" or \"beta\""
	}
	return ""
}

func mendEntity(code string) string {
	switch code {
	case codeInterfaceObjectUsage:
		return "give the @interfaceObject a @key, define the interface in another subgraph, and its implementations nowhere beside the @interfaceObject"
	case codeInterfaceKeyNotOnImpl:
		return "give each implementation the same resolvable key"
	case codeInterfaceKeyMissingImpl:
		return "define the missing types, or make the interface's key not resolvable"
	case codeInterfaceFieldNoImplem:
		return "add the field to the implementing type in a subgraph that can resolve it"
	case codeExtensionWithNoBase:
		return "define the type without \"extend\" in one subgraph"
	case codeSatisfiability:
		return "give the type a resolvable @key in the subgraph that has the field, or resolve the field (@shareable) where the path already is"
	case codeShareableRuntimeTypes:
		return "let the field return types that every subgraph resolving it knows"
	case codeNoQueries:
		return "define at least one field of Query in some subgraph"
	}
	return ""
}

func mendMerge(code string) string {
	switch code {
	case codeTypeKindMismatch:
		return "define the type with the same kind in every subgraph, or rename one"
	case codeFieldTypeMismatch, codeFieldArgumentTypeMismatch:
		return "use one type everywhere; they may differ in what is nullable, and fields in an interface and its implementation"
	case codeFieldArgumentDefaultMismatch, codeInputFieldDefaultMismatch:
		return "give the same default everywhere, or none"
	case codeRequiredArgumentMissing, codeRequiredInputFieldMissing:
		return "add it to every subgraph, or make it optional or give it a default"
	case codeEmptyMergedInput, codeEmptyMergedEnum:
		return "define at least one member of it in every subgraph that has the type"
	case codeEnumValueMismatch:
		return "add the value to the enum in every subgraph, or mark it @inaccessible while it is rolled out"
	}
	return ""
}

func mendInaccessible(code string) string {
	switch code {
	case codeReferencedInaccessible:
		return "mark what refers to it @inaccessible too, or take @inaccessible off"
	case codeRequiredInaccessible:
		return "make it optional or give it a default, so that clients can leave it out"
	case codeImplementedByInaccessible:
		return "hide the field of the interface too"
	case codeOnlyInaccessibleChildren:
		return "hide the type too, or show one of its members"
	case codeDisallowedInaccessible:
		return "take @inaccessible off: this belongs to GraphQL or to a specification"
	case codeDefaultValueUsesInaccessible:
		return "use a default that clients may know, or hide what has it"
	case codeQueryRootInaccessible:
		return "hide fields of Query instead of Query"
	}
	return ""
}

func mendAnnotation(code string) string {
	switch code {
	case codeCacheControl:
		return "write @cacheControl(maxAge: 60), with scope: PRIVATE where the answer depends on who asks, or inheritMaxAge: true, on what queries answer"
	case codeCacheInvalidate:
		return "write @cacheInvalidate(topic: \"events\", key: \"id\") on an entity or a field of one, with the entity's field whose value the events are keyed by"
	case codeListSizeInvalidAssumedSize:
		return "give a size of 0 or more"
	case codeListSizeAppliedToNonList:
		return "put @listSize on a list, or name the list below it in sizedFields"
	case codeListSizeInvalidSlicing:
		return "name arguments of the field that are Int or Int!"
	case codeListSizeInvalidSized:
		return "name list fields of the type that the field returns"
	case codeCostOnInterfaceField:
		return "put @cost on the fields of the implementing types"
	case codeAuthOnInterface:
		return "put it on the implementing types and their fields; the interface follows from them"
	case codeMissingTransitiveAccess:
		return "repeat the access directives of what it needs on the field, or on its type"
	case codeTagUnknown:
		return "write the tag as it stands in @tag(name:), or leave it out of the contract"
	case codeContextNotSet:
		return "set the context with @context(name:) on a type above, and take it in an optional argument of an object's own field"
	case codeContextNameInvalid:
		return "use letters and digits, beginning with a letter"
	case codeContextInvalidSelection:
		return "select one field, or one in a fragment for each type that sets the context, of the argument's nullable type"
	case codeNoContextInSelection:
		return "write @fromContext(field: \"$context { field }\")"
	case codeContextNoResolvableKey:
		return "give the type a resolvable @key, by which it is fetched again with the value"
	case codeContextualArgumentNotEvery:
		return "make the argument contextual or optional in every subgraph, or leave it out there"
	}
	return ""
}
