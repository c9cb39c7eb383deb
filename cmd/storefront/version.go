package main

import (
	"fmt"
	"runtime/debug"
	"strings"
)

// version is what the linker wrote down of how this binary was built: the module's version, and the
// revision of its repository where it was built in one.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "storefront, built without module information"
	}
	return describeBuild(info)
}

func describeBuild(info *debug.BuildInfo) string {
	var b strings.Builder
	fmt.Fprintf(&b, "storefront %s", info.Main.Version)
	if info.Main.Version == "" || info.Main.Version == "(devel)" {
		b.Reset()
		b.WriteString("storefront, development build")
	}
	of := map[string]string{}
	for _, s := range info.Settings {
		of[s.Key] = s.Value
	}
	if revision := of["vcs.revision"]; revision != "" {
		fmt.Fprintf(&b, "\nrevision %s", revision)
		if of["vcs.modified"] == "true" {
			b.WriteString(" and changes")
		}
		if at := of["vcs.time"]; at != "" {
			fmt.Fprintf(&b, ", %s", at)
		}
	}
	fmt.Fprintf(&b, "\n%s", info.GoVersion)
	return b.String()
}
