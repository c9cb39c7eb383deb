package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"
)

// maxAutomatic is how large an automatic persisted query may be, in bytes, to be remembered: a store counts them, and
// anybody may fill it. A client of a larger one is told each time that there is none, and sends it again.
const maxAutomatic = 16 << 10

// document finds the text and the operation name that a request means. register is the hash under
// which the text is to be remembered once it has proved valid, "" for not at all.
//
// A partner may name its stored operations only, by documentId, id, or the hash of an automatic
// persisted query, which is how Apollo's clients send a manifest's id.
func (g *Gateway) document(ctx context.Context, c *caller, req *request) (query, name, register string, f *failure) {
	hash := req.AutomaticHash
	switch {
	case c.id.Partner != "" && req.Query != "":
		return "", "", "", refuse(http.StatusForbidden, codeStoredOnly,
			"This client may run its published operations only: send the operation's id and no query.")
	case c.id.Partner != "" && req.DocumentID == "":
		return g.stored(ctx, c, req, hash)
	case req.DocumentID != "" && req.Query != "":
		return "", "", "", reject(http.StatusBadRequest, problem(codeBadRequest, "Send either a query or the id of a stored operation, not both."))
	case req.DocumentID != "":
		return g.stored(ctx, c, req, req.DocumentID)
	case hash == "":
		return req.Query, req.OperationName, "", nil
	case req.Query != "":
		sum := sha256.Sum256([]byte(req.Query))
		if !strings.EqualFold(hash, hex.EncodeToString(sum[:])) {
			return "", "", "", reject(http.StatusBadRequest, problem(codeHashMismatch, "The sha256Hash is not that of the query."))
		}
		if len(req.Query) > maxAutomatic {
			return req.Query, req.OperationName, "", nil
		}
		return req.Query, req.OperationName, strings.ToLower(hash), nil
	}
	query, err := g.cfg.Operations.GetAutomatic(ctx, strings.ToLower(hash))
	if err != nil {
		// A store that is away only makes the client send the text.
		if !errors.Is(err, ErrOperationNotFound) {
			g.log.WarnContext(ctx, "automatic persisted query not read", "request_id", c.requestID, "error", err)
		}
		return "", "", "", reject(http.StatusBadRequest, problem(codeNotFoundAPQ, "PersistedQueryNotFound"))
	}
	return query, req.OperationName, "", nil
}

func (g *Gateway) stored(ctx context.Context, c *caller, req *request, id string) (query, name, register string, f *failure) {
	query, name, err := g.cfg.Operations.Get(ctx, c.id.Partner, id)
	switch {
	case errors.Is(err, ErrOperationNotFound):
		return "", "", "", reject(http.StatusBadRequest, problem(codeNotStored, "No operation with the id %q is published for this client.", id))
	case errors.Is(err, ErrOperationRetired):
		return "", "", "", reject(http.StatusGone, problem(codeRetired, "The operation %q was retired by its publisher. Send one of a newer release.", id))
	case errors.Is(err, ErrOperationUnsigned):
		if repeated, ok := g.lines.Next("unsigned " + c.id.Partner); ok {
			g.log.ErrorContext(ctx, "a stored operation is refused: its signature does not hold", "request_id", c.requestID, "client", c.id.Partner, "operation", id, "repeated", repeated)
		}
		return "", "", "", reject(http.StatusForbidden, problem(codeUnsigned, "The operation %q is not signed by this shop. It has to be published again.", id))
	case err != nil:
		return "", "", "", g.failed(ctx, c, "read stored operation", err)
	}
	if name == "" {
		name = req.OperationName
	}
	return query, name, "", nil
}

// MemoryOperations keeps automatic persisted queries in memory, the most recently used ones, and
// has no stored operations.
type MemoryOperations struct {
	queries *lru.Cache[string, string]
}

// NewMemoryOperations returns a store of at most size queries.
func NewMemoryOperations(size int) (*MemoryOperations, error) {
	queries, err := lru.New[string, string](size)
	if err != nil {
		return nil, err
	}
	return &MemoryOperations{queries}, nil
}

// Get implements OperationStore; it knows no stored operation.
func (m *MemoryOperations) Get(context.Context, string, string) (query, name string, err error) {
	return "", "", ErrOperationNotFound
}

// PutAutomatic implements OperationStore.
func (m *MemoryOperations) PutAutomatic(_ context.Context, sha256, query string) error {
	m.queries.Add(sha256, query)
	return nil
}

// GetAutomatic implements OperationStore.
func (m *MemoryOperations) GetAutomatic(_ context.Context, sha256 string) (string, error) {
	if query, ok := m.queries.Get(sha256); ok {
		return query, nil
	}
	return "", ErrOperationNotFound
}
