package house

import (
	"regexp"
	"strings"
	"testing"
)

// commands are the subcommands of the binary, read from the table in main.go.
func commands(t *testing.T) map[string]bool {
	t.Helper()
	_, table, ok := strings.Cut(read(t, "cmd/storefront/main.go"), "func commands() []command {")
	if !ok {
		t.Fatal("cmd/storefront/main.go has no func commands")
	}
	table, _, _ = strings.Cut(table, "\n}\n")
	list := map[string]bool{}
	for _, m := range regexp.MustCompile(`\{"([a-z-]+)", "`).FindAllStringSubmatch(table, -1) {
		list[m[1]] = true
	}
	if len(list) < 5 {
		t.Fatalf("found only the commands %v", list)
	}
	return list
}

var configField = regexp.MustCompile("`flag:\"([a-z0-9-]+)\"(?: env:\"([A-Z0-9_]+)\")?[^`]*`")

// configNames are the flags and the variables that the Config structs of the commands know.
func configNames(t *testing.T) (flags, variables map[string]bool) {
	t.Helper()
	flags, variables = map[string]bool{}, map[string]bool{}
	for _, name := range files(t) {
		if strings.HasPrefix(name, "cmd/storefront/") && strings.HasSuffix(name, ".go") {
			for _, m := range configField.FindAllStringSubmatch(read(t, name), -1) {
				flags[m[1]] = true
				variables[m[2]] = m[2] != ""
			}
		}
	}
	if len(flags) < 30 || len(variables) < 20 {
		t.Fatalf("found only %d flags and %d variables", len(flags), len(variables))
	}
	return flags, variables
}

// ours reports whether a variable is one that a command of this project would have to know.
func ours(variable string) bool { return strings.HasPrefix(variable, "STOREFRONT_") }

// checkCommand says what is wrong with the arguments a container gets.
func checkCommand(t *testing.T, where string, args []string) {
	t.Helper()
	if len(args) == 0 || !commands(t)[args[0]] {
		t.Errorf("%s: %q is not a command of the binary", where, args)
		return
	}
	if args[0] == "serve" && (len(args) < 2 || !strings.Contains(" "+strings.Join(services, " ")+" ", " "+args[1]+" ")) {
		t.Errorf("%s: %q names no service", where, args)
	}
	flags, _ := configNames(t)
	for _, a := range args {
		if name, ok := strings.CutPrefix(a, "--"); ok {
			if name, _, _ = strings.Cut(name, "="); !flags[name] {
				t.Errorf("%s: there is no flag --%s", where, name)
			}
		}
	}
}
