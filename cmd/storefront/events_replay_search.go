package main

import (
	"context"

	"storefront/consumers"
	"storefront/internal/errs"
	"storefront/internal/kafka"
)

func (c EventsReplayConfig) replaySearch(ctx context.Context, std stdio, config kafka.Config, m consumers.ReadModel) (int, error) {
	return 0, errs.New(errs.BadInput, "the search index cannot be compared yet; a restart of products rebuilds it")
}
