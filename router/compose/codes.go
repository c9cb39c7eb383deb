package compose

// The published federation error codes that composition gives. Connectors' codes are not among
// them: no subgraph of ours is made of connectors.
const (
	codeInvalidGraphQL               = "INVALID_GRAPHQL"
	codeInvalidSubgraphName          = "INVALID_SUBGRAPH_NAME"
	codeUnknownFederationLinkVersion = "UNKNOWN_FEDERATION_LINK_VERSION"
	codeUnknownLinkVersion           = "UNKNOWN_LINK_VERSION"
	codeInvalidLinkUsage             = "INVALID_LINK_DIRECTIVE_USAGE"
	codeInvalidLinkIdentifier        = "INVALID_LINK_IDENTIFIER"
	codeLinkImportNameMismatch       = "LINK_IMPORT_NAME_MISMATCH"
	codeUnsupportedFeature           = "UNSUPPORTED_FEATURE"
	codeUnsupportedLinkedFeature     = "UNSUPPORTED_LINKED_FEATURE"
	codeTypeDefinitionInvalid        = "TYPE_DEFINITION_INVALID"
	codeDirectiveDefinitionInvalid   = "DIRECTIVE_DEFINITION_INVALID"
	codeDirectiveComposition         = "DIRECTIVE_COMPOSITION_ERROR"
	codeRootQueryUsed                = "ROOT_QUERY_USED"
	codeRootMutationUsed             = "ROOT_MUTATION_USED"
	codeRootSubscriptionUsed         = "ROOT_SUBSCRIPTION_USED"
	codeKeyInvalidFields             = "KEY_INVALID_FIELDS"
	codeKeyInvalidFieldsType         = "KEY_INVALID_FIELDS_TYPE"
	codeKeyFieldsHasArgs             = "KEY_FIELDS_HAS_ARGS"
	codeKeyFieldsSelectInvalidType   = "KEY_FIELDS_SELECT_INVALID_TYPE"
	codeKeyDirectiveInFields         = "KEY_DIRECTIVE_IN_FIELDS_ARG"
	codeKeyUnsupportedOnInterface    = "KEY_UNSUPPORTED_ON_INTERFACE"
	codeProvidesInvalidFields        = "PROVIDES_INVALID_FIELDS"
	codeProvidesInvalidFieldsType    = "PROVIDES_INVALID_FIELDS_TYPE"
	codeProvidesFieldsHasArgs        = "PROVIDES_FIELDS_HAS_ARGS"
	codeProvidesMissingExternal      = "PROVIDES_FIELDS_MISSING_EXTERNAL"
	codeProvidesDirectiveInFields    = "PROVIDES_DIRECTIVE_IN_FIELDS_ARG"
	codeProvidesOnNonObject          = "PROVIDES_ON_NON_OBJECT_FIELD"
	codeProvidesUnsupportedInterface = "PROVIDES_UNSUPPORTED_ON_INTERFACE"
	codeRequiresInvalidFields        = "REQUIRES_INVALID_FIELDS"
	codeRequiresInvalidFieldsType    = "REQUIRES_INVALID_FIELDS_TYPE"
	codeRequiresMissingExternal      = "REQUIRES_FIELDS_MISSING_EXTERNAL"
	codeRequiresDirectiveInFields    = "REQUIRES_DIRECTIVE_IN_FIELDS_ARG"
	codeRequiresUnsupportedInterface = "REQUIRES_UNSUPPORTED_ON_INTERFACE"
	codeExternalUnused               = "EXTERNAL_UNUSED"
	codeExternalOnInterface          = "EXTERNAL_ON_INTERFACE"
	codeExternalCollision            = "EXTERNAL_COLLISION_WITH_ANOTHER_DIRECTIVE"
	codeExternalMissingOnBase        = "EXTERNAL_MISSING_ON_BASE"
	codeExternalTypeMismatch         = "EXTERNAL_TYPE_MISMATCH"
	codeExternalArgumentMissing      = "EXTERNAL_ARGUMENT_MISSING"
	codeExternalArgumentTypeMismatch = "EXTERNAL_ARGUMENT_TYPE_MISMATCH"
	codeExternalArgumentDefault      = "EXTERNAL_ARGUMENT_DEFAULT_MISMATCH"
	codeMergedDirectiveOnExternal    = "MERGED_DIRECTIVE_APPLICATION_ON_EXTERNAL"
	codeTypeWithOnlyUnusedExternal   = "TYPE_WITH_ONLY_UNUSED_EXTERNAL"
	codeInvalidShareableUsage        = "INVALID_SHAREABLE_USAGE"
	codeInvalidFieldSharing          = "INVALID_FIELD_SHARING"
	codeOverrideFromSelf             = "OVERRIDE_FROM_SELF_ERROR"
	codeOverrideSourceHasOverride    = "OVERRIDE_SOURCE_HAS_OVERRIDE"
	codeOverrideCollision            = "OVERRIDE_COLLISION_WITH_ANOTHER_DIRECTIVE"
	codeOverrideOnInterface          = "OVERRIDE_ON_INTERFACE"
	codeOverrideLabelInvalid         = "OVERRIDE_LABEL_INVALID"
	codeInterfaceObjectUsage         = "INTERFACE_OBJECT_USAGE_ERROR"
	codeInterfaceKeyNotOnImpl        = "INTERFACE_KEY_NOT_ON_IMPLEMENTATION"
	codeInterfaceKeyMissingImpl      = "INTERFACE_KEY_MISSING_IMPLEMENTATION_TYPE"
	codeInterfaceFieldNoImplem       = "INTERFACE_FIELD_NO_IMPLEM"
	codeExtensionWithNoBase          = "EXTENSION_WITH_NO_BASE"
	codeTypeKindMismatch             = "TYPE_KIND_MISMATCH"
	codeFieldTypeMismatch            = "FIELD_TYPE_MISMATCH"
	codeFieldArgumentTypeMismatch    = "FIELD_ARGUMENT_TYPE_MISMATCH"
	codeFieldArgumentDefaultMismatch = "FIELD_ARGUMENT_DEFAULT_MISMATCH"
	codeInputFieldDefaultMismatch    = "INPUT_FIELD_DEFAULT_MISMATCH"
	codeRequiredArgumentMissing      = "REQUIRED_ARGUMENT_MISSING_IN_SOME_SUBGRAPH"
	codeRequiredInputFieldMissing    = "REQUIRED_INPUT_FIELD_MISSING_IN_SOME_SUBGRAPH"
	codeEmptyMergedInput             = "EMPTY_MERGED_INPUT_TYPE"
	codeEmptyMergedEnum              = "EMPTY_MERGED_ENUM_TYPE"
	codeEnumValueMismatch            = "ENUM_VALUE_MISMATCH"
	codeShareableRuntimeTypes        = "SHAREABLE_HAS_MISMATCHED_RUNTIME_TYPES"
	codeNoQueries                    = "NO_QUERIES"
	codeSatisfiability               = "SATISFIABILITY_ERROR"
	codeReferencedInaccessible       = "REFERENCED_INACCESSIBLE"
	codeRequiredInaccessible         = "REQUIRED_INACCESSIBLE"
	codeImplementedByInaccessible    = "IMPLEMENTED_BY_INACCESSIBLE"
	codeOnlyInaccessibleChildren     = "ONLY_INACCESSIBLE_CHILDREN"
	codeDisallowedInaccessible       = "DISALLOWED_INACCESSIBLE"
	codeDefaultValueUsesInaccessible = "DEFAULT_VALUE_USES_INACCESSIBLE"
	codeQueryRootInaccessible        = "QUERY_ROOT_TYPE_INACCESSIBLE"
	codeListSizeInvalidAssumedSize   = "LIST_SIZE_INVALID_ASSUMED_SIZE"
	codeListSizeAppliedToNonList     = "LIST_SIZE_APPLIED_TO_NON_LIST"
	codeListSizeInvalidSlicing       = "LIST_SIZE_INVALID_SLICING_ARGUMENT"
	codeListSizeInvalidSized         = "LIST_SIZE_INVALID_SIZED_FIELD"
	codeCostOnInterfaceField         = "COST_APPLIED_TO_INTERFACE_FIELD"
	codeAuthOnInterface              = "AUTH_REQUIREMENTS_APPLIED_ON_INTERFACE"
	codeMissingTransitiveAccess      = "MISSING_TRANSITIVE_AUTH_REQUIREMENTS"
	codeContextNotSet                = "CONTEXT_NOT_SET"
	codeContextNameInvalid           = "CONTEXT_NAME_INVALID"
	codeContextInvalidSelection      = "CONTEXT_INVALID_SELECTION"
	codeNoContextInSelection         = "NO_CONTEXT_IN_SELECTION"
	codeContextNoResolvableKey       = "CONTEXT_NO_RESOLVABLE_KEY"
	codeContextualArgumentNotEvery   = "CONTEXTUAL_ARGUMENT_NOT_CONTEXTUAL_IN_ALL_SUBGRAPHS"
)

// mend says how an error of this code is put right; empty when the message says it already.
func mend(code string) string {
	switch code {
	case codeInvalidSubgraphName:
		return "give each subgraph a name of its own: a letter, then letters, digits, \"-\" or \"_\""
	case codeUnknownFederationLinkVersion:
		return "use a version from v2.0 to v2.14 in the federation @link"
	case codeKeyInvalidFields, codeRequiresInvalidFields, codeProvidesInvalidFields:
		return "name fields of the type as one would select them, such as \"id organization { id }\""
	case codeKeyInvalidFieldsType, codeRequiresInvalidFieldsType, codeProvidesInvalidFieldsType:
		return "write fields as a string"
	case codeKeyFieldsHasArgs, codeProvidesFieldsHasArgs:
		return "use fields that take no arguments"
	case codeKeyFieldsSelectInvalidType:
		return "use fields that are scalars, enums or objects in a key, not lists, interfaces or unions"
	case codeProvidesMissingExternal, codeRequiresMissingExternal:
		return "mark the field @external, or leave it out: a subgraph needs no help for what it resolves itself"
	case codeExternalUnused:
		return "remove the field, or use it in @key, @requires, @provides or an interface the type implements"
	case codeExternalMissingOnBase:
		return "define the field without @external in the subgraph that resolves it"
	case codeInvalidFieldSharing:
		return "mark the field @shareable in every subgraph that resolves it, or move it with @override"
	case codeOverrideSourceHasOverride:
		return "keep @override in one subgraph only"
	case codeTypeKindMismatch:
		return "define the type with the same kind in every subgraph, or rename one"
	case codeEnumValueMismatch:
		return "add the value to the enum in every subgraph, or mark it @inaccessible while it is rolled out"
	case codeRequiredArgumentMissing, codeRequiredInputFieldMissing:
		return "add it to every subgraph, or make it optional or give it a default"
	case codeNoQueries:
		return "define at least one field of Query in some subgraph"
	case codeDirectiveComposition:
		return "define the directive, @link it to its specification with import, and name it as in @composeDirective(name: \"@name\")"
	case codeInterfaceFieldNoImplem:
		return "add the field to the implementing type in a subgraph that can resolve it"
	case codeSatisfiability:
		return "give the type a resolvable @key in the subgraph that has the field, or resolve the field (@shareable) where the path already is"
	case codeReferencedInaccessible:
		return "mark what refers to it @inaccessible too, or take @inaccessible off"
	case codeMissingTransitiveAccess:
		return "repeat the access directives of what it needs on the field, or on its type"
	case codeShareableRuntimeTypes:
		return "let the field return types that every subgraph resolving it knows"
	}
	return ""
}

// Hint codes, as published where there is one.
const (
	hintInconsistentDescription     = "INCONSISTENT_DESCRIPTION"
	hintInconsistentFieldType       = "INCONSISTENT_BUT_COMPATIBLE_FIELD_TYPE"
	hintInconsistentArgumentType    = "INCONSISTENT_BUT_COMPATIBLE_ARGUMENT_TYPE"
	hintInconsistentDefault         = "INCONSISTENT_DEFAULT_VALUE_PRESENCE"
	hintInconsistentEntity          = "INCONSISTENT_ENTITY"
	hintInconsistentArgument        = "INCONSISTENT_ARGUMENT_PRESENCE"
	hintInconsistentInputField      = "INCONSISTENT_INPUT_OBJECT_FIELD"
	hintInconsistentUnionMember     = "INCONSISTENT_UNION_MEMBER"
	hintInconsistentInputEnum       = "INCONSISTENT_ENUM_VALUE_FOR_INPUT_ENUM"
	hintInconsistentOutputEnum      = "INCONSISTENT_ENUM_VALUE_FOR_OUTPUT_ENUM"
	hintUnusedEnum                  = "UNUSED_ENUM_TYPE"
	hintExecutablePresence          = "INCONSISTENT_EXECUTABLE_DIRECTIVE_PRESENCE"
	hintExecutableLocations         = "INCONSISTENT_EXECUTABLE_DIRECTIVE_LOCATIONS"
	hintNoExecutableIntersection    = "NO_EXECUTABLE_DIRECTIVE_INTERSECTION"
	hintFromSubgraphMissing         = "FROM_SUBGRAPH_DOES_NOT_EXIST"
	hintOverrideCanBeRemoved        = "OVERRIDE_DIRECTIVE_CAN_BE_REMOVED"
	hintOverriddenCanBeRemoved      = "OVERRIDDEN_FIELD_CAN_BE_REMOVED"
	hintOverrideMigration           = "OVERRIDE_MIGRATION_IN_PROGRESS"
	hintMergedArguments             = "MERGED_NON_REPEATABLE_DIRECTIVE_ARGUMENTS"
	hintInconsistentNonRepeatable   = "INCONSISTENT_NON_REPEATABLE_DIRECTIVE_ARGUMENTS"
	hintRuntimeTypesInShareable     = "INCONSISTENT_RUNTIME_TYPES_FOR_SHAREABLE_RETURN"
	hintInconsistentObjectField     = "INCONSISTENT_OBJECT_VALUE_TYPE_FIELD"
	hintInconsistentInterfaceField  = "INCONSISTENT_INTERFACE_VALUE_TYPE_FIELD"
	hintExecutableRepeatable        = "INCONSISTENT_EXECUTABLE_DIRECTIVE_REPEATABLE"
	hintContextualNotEvery          = "CONTEXTUAL_ARGUMENT_NOT_CONTEXTUAL_IN_ALL_SUBGRAPHS"
	hintUpgradedVersion             = "IMPLICITLY_UPGRADED_FEDERATION_VERSION"
	hintDirectiveCompositionInfo    = "DIRECTIVE_COMPOSITION_INFO"
	hintDirectiveCompositionWarning = "DIRECTIVE_COMPOSITION_WARN"
)
