package main

import (
	"context"
	"fmt"
	"time"

	"storefront/consumers"
	"storefront/internal/client"
	"storefront/internal/errs"
	"storefront/internal/kafka"
	"storefront/internal/telemetry"
	"storefront/subgraphs/products"
)

// replaySearch builds a search index from the topics in this process and compares what it finds with what
// the running shop finds.
func (c EventsReplayConfig) replaySearch(ctx context.Context, std stdio, config kafka.Config, m consumers.ReadModel, start *consumers.ReplayStart) (int, error) {
	if start != nil {
		return 0, errs.New(errs.BadInput, "the search index is built from the whole of its topics; leave out --since and --offset")
	}
	if c.Router == "" {
		shop, err := running(c.DataDir)
		if err != nil {
			return 0, err
		}
		c.Router = shop.Router
	}
	bars := newReplayBars(std, m.Name)
	defer bars.done()
	anew, err := consumers.NewSearchRebuild(ctx, consumers.ReplayConfig{Model: m, Kafka: config, Log: telemetry.NewLogger(std.err, c.LogLevel), Progress: bars.show})
	if err != nil {
		return 0, err
	}
	defer anew.Close()
	found, err := anew.Compare(ctx, searchOf(client.New(c.Router+"/graphql", 2, nil)), c.Currency, c.Wait)
	bars.done()
	if err != nil {
		return 0, err
	}
	fmt.Fprintf(std.out, "%s: %d records, %s\n", m.Name, anew.Read(), found)
	for _, d := range found.Differences[:min(c.Examples, len(found.Differences))] {
		fmt.Fprintln(std.out, " ", d)
	}
	if len(found.Differences) > 0 && !c.Compare {
		fmt.Fprintln(std.out, "  nothing was replaced: restart the products processes one after the other; each rebuilds its index before it takes requests")
	}
	return len(found.Differences), nil
}

const searchQuery = `query ($query: String!, $filter: ProductFilter, $sort: ProductSort!, $currency: CurrencyCode, $first: Int, $after: String) {
  productSearch(query: $query, filter: $filter, sort: $sort, currency: $currency, first: $first, after: $after) {
    totalCount
    nodes { id }
    pageInfo { hasNextPage endCursor }
  }
}`

// searchOf asks a shop as anybody can.
func searchOf(shop *client.Client) consumers.LiveSearch {
	return func(ctx context.Context, q products.SearchQuery, after string) ([]string, int, string, error) {
		filter := map[string]any{}
		f := q.Filter
		for name, value := range map[string]any{"vendors": f.Vendors, "productTypes": f.ProductTypes, "tags": f.Tags} {
			if list := value.([]string); len(list) > 0 {
				filter[name] = list
			}
		}
		if f.Collection != nil {
			filter["collection"] = *f.Collection
		}
		if f.InStock != nil {
			filter["inStock"] = *f.InStock
		}
		if f.RatingMin != nil {
			filter["ratingMin"] = *f.RatingMin
		}
		vars := map[string]any{"query": q.Text, "filter": filter, "sort": q.Sort, "currency": q.Currency, "first": q.Size}
		if after != "" {
			vars["after"] = after
		}
		var data struct {
			ProductSearch struct {
				TotalCount int
				Nodes      []struct{ ID string }
				PageInfo   struct {
					HasNextPage bool
					EndCursor   string
				}
			}
		}
		if err := shop.DoPatiently(ctx, 30*time.Second, searchQuery, vars, nil, &data); err != nil {
			return nil, 0, "", fmt.Errorf("ask the shop: %w", err)
		}
		found := data.ProductSearch
		ids := make([]string, len(found.Nodes))
		for i, n := range found.Nodes {
			ids[i] = n.ID
		}
		next := ""
		if found.PageInfo.HasNextPage {
			next = found.PageInfo.EndCursor
		}
		return ids, found.TotalCount, next, nil
	}
}
