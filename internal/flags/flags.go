// Package flags fills a command's Config struct from flags, environment variables and defaults.
//
// Fields are tagged `flag:"listen" env:"STOREFRONT_LISTEN" default:"127.0.0.1:4000" help:"..."`; a flag
// wins over the environment, the environment over the default. Embedded structs are walked; a tag
// `group:"Kafka"` of theirs is the heading of their flags in the help. Kinds: string, bool, int, float64,
// time.Duration and []string (repeatable, or separated by commas). `oneof:"debug info"` lists the values
// that a string may have, and `max:"65500"` makes an int one from 0 to that.
package flags

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"storefront/internal/errs"
)

// ErrHelp says that help was asked for and printed.
var ErrHelp = flag.ErrHelp

// Parse fills cfg, a pointer to a struct, and refuses arguments that are not flags. Errors are one line and
// say what would be right.
func Parse(command, usage string, cfg any, args []string, env func(string) string, help io.Writer) error {
	rest, err := ParseArgs(command, usage, cfg, args, env, help)
	if err == nil && len(rest) > 0 {
		return errs.New(errs.BadInput, "%s: %q is not expected; it takes only flags, which begin with --, see 'storefront %s --help'", command, rest[0], command)
	}
	return err
}

// ParseArgs is Parse for a command with arguments: it returns those that are not flags.
func ParseArgs(command, usage string, cfg any, args []string, env func(string) string, help io.Writer) ([]string, error) {
	set := flag.NewFlagSet(command, flag.ContinueOnError)
	set.SetOutput(io.Discard)
	var described []field
	for _, f := range walk(reflect.ValueOf(cfg).Elem(), "Flags") {
		if err := f.init(env); err != nil {
			return nil, err
		}
		set.Var(&f, f.name, f.help)
		described = append(described, f)
	}
	var rest []string
	for {
		if err := set.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				fmt.Fprint(help, usage, "\n", describe(described))
				return nil, ErrHelp
			}
			return nil, errs.New(errs.BadInput, "%s: %s; see 'storefront %s --help'", command, plain(err, set), command)
		}
		if set.NArg() == 0 {
			return rest, nil
		}
		rest, args = append(rest, set.Arg(0)), set.Args()[1:] // flags may follow arguments
	}
}

var (
	unknownFlag = regexp.MustCompile(`^flag provided but not defined: -+(.*)$`)
	wrongValue  = regexp.MustCompile(`^invalid (?:boolean )?value .* for (?:flag )?-([a-z-]+): (.*)$`)
	noValue     = regexp.MustCompile(`^flag needs an argument: -+(.*)$`)
	noFlag      = regexp.MustCompile(`^bad flag syntax: (.*)$`)
)

// plain words the flag package's errors as a person would, with the nearest flag where one is unknown.
func plain(err error, set *flag.FlagSet) string {
	text := err.Error()
	if m := wrongValue.FindStringSubmatch(text); m != nil {
		return "--" + m[1] + ": " + m[2]
	}
	if m := noValue.FindStringSubmatch(text); m != nil {
		return "--" + m[1] + " needs a value"
	}
	if m := noFlag.FindStringSubmatch(text); m != nil {
		return fmt.Sprintf("%q is no flag", m[1])
	}
	m := unknownFlag.FindStringSubmatch(text)
	if m == nil {
		return text
	}
	name, nearest, distance := m[1], "", 4
	set.VisitAll(func(f *flag.Flag) {
		if d := levenshtein(name, f.Name); d < distance || strings.HasPrefix(f.Name, name) {
			nearest, distance = f.Name, min(d, distance)
		}
	})
	if nearest != "" {
		return fmt.Sprintf("there is no flag --%s; did you mean --%s?", name, nearest)
	}
	return fmt.Sprintf("there is no flag --%s", name)
}

type field struct {
	v                    reflect.Value
	name, env, help, def string
	group                string
	oneOf                []string
	max                  string
	given                bool
}

func walk(v reflect.Value, group string) []field {
	var list []field
	for i := range v.NumField() {
		t := v.Type().Field(i)
		if t.Anonymous {
			list = append(list, walk(v.Field(i), cmp.Or(t.Tag.Get("group"), group))...)
			continue
		}
		if name := t.Tag.Get("flag"); name != "" {
			list = append(list, field{v: v.Field(i), name: name, env: t.Tag.Get("env"), help: t.Tag.Get("help"), def: t.Tag.Get("default"), group: group,
				oneOf: strings.Fields(t.Tag.Get("oneof")), max: t.Tag.Get("max")})
		}
	}
	return list
}

func (f *field) init(env func(string) string) error {
	value, from := f.def, "the default of --"+f.name
	if f.env != "" {
		if e := env(f.env); e != "" {
			value, from = e, f.env
		}
	}
	if value == "" {
		return nil
	}
	if err := f.set(value); err != nil {
		return errs.New(errs.BadInput, "%s: %v", from, err)
	}
	return nil
}

// Set is called by the flag package. The first value of a list replaces what came from elsewhere.
func (f *field) Set(s string) error {
	if f.v.Kind() == reflect.Slice && !f.given {
		f.v.SetZero()
	}
	f.given = true
	return f.set(s)
}

func (f *field) String() string   { return f.def }
func (f *field) IsBoolFlag() bool { return f.v.IsValid() && f.v.Kind() == reflect.Bool }

func (f *field) set(s string) error {
	switch p := f.v.Addr().Interface().(type) {
	case *string:
		if len(f.oneOf) > 0 && !slices.Contains(f.oneOf, s) {
			return fmt.Errorf("%q is none of %s", s, strings.Join(f.oneOf, ", "))
		}
		*p = s
	case *[]string:
		for part := range strings.SplitSeq(s, ",") {
			if part = strings.TrimSpace(part); part != "" {
				*p = append(*p, part)
			}
		}
	case *bool:
		b, err := strconv.ParseBool(s)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", s)
		}
		*p = b
	case *int:
		n, err := strconv.Atoi(s)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", s)
		}
		if most, err := strconv.Atoi(f.max); err == nil && (n < 0 || n > most) {
			return fmt.Errorf("%d is not between 0 and %d", n, most)
		}
		*p = n
	case *float64:
		n, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return fmt.Errorf("%q is not a number", s)
		}
		*p = n
	case *time.Duration:
		d, err := time.ParseDuration(s)
		if err != nil {
			return fmt.Errorf("%q is not a duration; write it like 1m30s", s)
		}
		*p = d
	default:
		return fmt.Errorf("--%s has the kind %s, which flags do not have", f.name, f.v.Type())
	}
	return nil
}

// describe lists the flags under the headings of their groups, in the order in which those first appear.
func describe(fields []field) string {
	var groups []string
	members := map[string][]field{}
	for _, f := range fields {
		if _, ok := members[f.group]; !ok {
			groups = append(groups, f.group)
		}
		members[f.group] = append(members[f.group], f)
	}
	var b strings.Builder
	for _, g := range groups {
		fmt.Fprintf(&b, "\n%s:\n", g)
		for _, f := range members[g] {
			f.describe(&b)
		}
	}
	return b.String()
}

func (f field) describe(b *strings.Builder) {
	fmt.Fprintf(b, "  --%-20s %s", f.name, f.help)
	var notes []string
	if f.def != "" && f.def != "false" {
		notes = append(notes, "default "+f.def)
	}
	if f.env != "" {
		notes = append(notes, "$"+f.env)
	}
	if len(notes) > 0 {
		fmt.Fprintf(b, " (%s)", strings.Join(notes, ", "))
	}
	b.WriteByte('\n')
}

func levenshtein(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
