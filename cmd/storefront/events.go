package main

import (
	"context"
	"fmt"

	"storefront/internal/errs"
)

// eventsCommands are what `storefront events` can do.
func eventsCommands() []command {
	return []command{
		{"tail", "print events as they happen", runEventsTail},
		{"get", "print all events of one aggregate, or the one at an offset", runEventsGet},
		{"trace", "print what followed from an order, step by step, to the client's screen", runEventsTrace},
		{"lag", "print how far each group is behind", runEventsLag},
		{"dlq", "list dead letters, try them again or drop them", runEventsDeadLetters},
		{"replay", "rebuild what a service keeps because of events, compare it, replace it", runEventsReplay},
		{"acls", "print what each part may do at Kafka, as kafka-acls.sh commands or IAM policies", runEventsACLs},
		{"topics", "make the topics that are not there", runEventsTopics},
	}
}

func runEvents(ctx context.Context, std stdio, args []string) error {
	if len(args) == 0 || args[0] == "help" || args[0] == "--help" || args[0] == "-h" {
		fmt.Fprintln(std.out, "storefront events COMMAND: looks at the events between services, and after what becomes of them.\n\nCommands:")
		for _, c := range eventsCommands() {
			fmt.Fprintf(std.out, "  %-14s %s\n", c.name, c.summary)
		}
		fmt.Fprintln(std.out, "\n'storefront events COMMAND --help' lists a command's flags.")
		return nil
	}
	for _, c := range eventsCommands() {
		if c.name == args[0] {
			return c.run(ctx, std, args[1:])
		}
	}
	return errs.New(errs.BadInput, "events: there is no command %q; 'storefront events help' lists them", args[0])
}
