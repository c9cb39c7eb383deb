package operation

import (
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator/core"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// ruleList is gqlparser's rules in a fixed order, without the one that compares fields pairwise
// (overlap.go has ours) and the one that takes two aliases of a subscription's field for one
// (validate_subscription.go), and without suggestions, which cost more than the check itself.
func ruleList() []core.Rule {
	return []core.Rule{
		rules.FieldsOnCorrectTypeRuleWithoutSuggestions,
		rules.FragmentsOnCompositeTypesRule,
		{Name: "IntsOf32Bits", RuleFunc: intsOf32Bits},
		rules.KnownArgumentNamesRuleWithoutSuggestions,
		rules.KnownDirectivesRule,
		rules.KnownFragmentNamesRule,
		rules.KnownRootTypeRule,
		rules.KnownTypeNamesRuleWithoutSuggestions,
		rules.LoneAnonymousOperationRule,
		rules.MaxIntrospectionDepth,
		rules.NoFragmentCyclesRule,
		rules.NoUndefinedVariablesRule,
		rules.NoUnusedFragmentsRule,
		rules.NoUnusedVariablesRule,
		rules.PossibleFragmentSpreadsRule,
		rules.ProvidedRequiredArgumentsRule,
		rules.ScalarLeafsRule,
		rules.UniqueArgumentNamesRule,
		rules.UniqueDirectivesPerLocationRule,
		rules.UniqueFragmentNamesRule,
		rules.UniqueInputFieldNamesRule,
		rules.UniqueOperationNamesRule,
		rules.UniqueVariableNamesRule,
		rules.ValuesOfCorrectTypeRuleWithoutSuggestions,
		rules.VariablesAreInputTypesRule,
		rules.VariablesInAllowedPositionRule,
	}
}

func validate(schema *ast.Schema, doc *ast.QueryDocument) gqlerror.List {
	var errs gqlerror.List
	observers := &core.Events{}
	for _, rule := range ruleList() {
		rule.RuleFunc(observers, func(options ...core.ErrorOption) {
			if len(errs) >= maxErrors {
				return
			}
			err := &gqlerror.Error{Rule: strings.TrimSuffix(rule.Name, "WithoutSuggestions")}
			for _, option := range options {
				option(err)
			}
			errs = append(errs, err)
		})
	}
	core.Walk(schema, doc, observers)
	errs = append(errs, subscriptions(schema, doc)...)
	if len(errs) == 0 {
		errs = defers(doc)
	}
	if len(errs) < maxErrors {
		errs = append(errs, overlaps(schema, doc)...)
	}
	for _, err := range errs {
		code := CodeInvalid
		if err.Rule == "" && strings.HasPrefix(err.Message, "the operation is too complex") {
			code = CodeTooLarge
		}
		err.Message = Brief(err.Message)
		err.Extensions = map[string]any{"code": code}
	}
	return errs
}

// settle makes the variables in fragments those of the chosen operation. Where a document has several, they are
// left as the one walked last declares them, and its defaults are not the chosen one's.
func settle(schema *ast.Schema, doc *ast.QueryDocument, chosen *ast.OperationDefinition) {
	if len(doc.Operations) > 1 {
		core.Walk(schema, &ast.QueryDocument{Operations: ast.OperationList{chosen}, Fragments: doc.Fragments}, &core.Events{})
	}
}

// intsOf32Bits is what gqlparser leaves out of "Values of Correct Type": an Int has 32 bits (GraphQL specification 3.5.1).
func intsOf32Bits(observers *core.Events, addError core.AddErrFunc) {
	observers.OnValue(func(_ *core.Walker, v *ast.Value) {
		if v.Kind != ast.IntValue || v.Definition == nil || v.Definition.Name != "Int" {
			return
		}
		if _, err := strconv.ParseInt(v.Raw, 10, 32); err != nil {
			addError(core.Message("Int cannot represent non 32-bit signed integer value: %s", v.Raw), core.At(v.Position))
		}
	})
}
