// Package gql is what all eight subgraphs share of GraphQL: the HTTP handler with its limits, scalars,
// the error presenter, and userErrors.
package gql

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/99designs/gqlgen/graphql/handler/transport"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Limits of one call to a subgraph.
const (
	MaxBody            = 8 << 20 // bytes
	MaxTokens          = 20_000
	MaxRepresentations = 100 // entities in one _entities call
	cachedOperations   = 1000
	cachedDocument     = 16 << 10 // bytes; those that are larger are read each time
)

// Handler serves an executable schema over POST. Wrap adds what each request needs in its context,
// such as fresh loaders.
func Handler(schema graphql.ExecutableSchema, log *slog.Logger, wrap func(context.Context) context.Context) http.Handler {
	srv := handler.New(schema)
	srv.AddTransport(transport.POST{})
	srv.SetQueryCache(newQueryCache())
	srv.SetParserTokenLimit(MaxTokens)
	srv.SetErrorPresenter(present(log))
	srv.SetRecoverFunc(func(ctx context.Context, p any) error {
		log.ErrorContext(ctx, "resolver panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		return errors.New("panic")
	})
	srv.Use(representationLimit{})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, MaxBody)
		srv.ServeHTTP(w, r.WithContext(wrap(r.Context())))
	})
}

// queryCache keeps documents read, none that is large: the router is sent any literals, and sends them on.
type queryCache struct {
	graphql.Cache[*ast.QueryDocument]
}

func newQueryCache() queryCache { return queryCache{lru.New[*ast.QueryDocument](cachedOperations)} }

// Add keeps a document under its text.
func (c queryCache) Add(ctx context.Context, text string, doc *ast.QueryDocument) {
	if len(text) <= cachedDocument {
		c.Cache.Add(ctx, text, doc)
	}
}

// representationLimit refuses calls that ask for more entities at once than a store should be asked for.
type representationLimit struct{}

func (representationLimit) ExtensionName() string                   { return "RepresentationLimit" }
func (representationLimit) Validate(graphql.ExecutableSchema) error { return nil }
func (representationLimit) MutateOperationParameters(ctx context.Context, p *graphql.RawParams) *gqlerror.Error {
	for _, v := range p.Variables {
		if list, ok := v.([]any); ok && len(list) > MaxRepresentations && isRepresentations(list) {
			return &gqlerror.Error{
				Message:    fmt.Sprintf("%d representations in one call; send at most %d", len(list), MaxRepresentations),
				Extensions: map[string]any{"code": "TOO_MANY"},
			}
		}
	}
	return nil
}

func isRepresentations(list []any) bool {
	object, ok := list[0].(map[string]any)
	return ok && object["__typename"] != nil
}
