package gateway

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"

	"storefront/internal/live"
	"storefront/router/supergraph"
)

// cursor is where a subscription is: in the topic, and in the versions of the one entity it watches. It names
// no router, so that any of those who share the key goes on from it.
type cursor struct {
	topic    string
	of       string // which subscription's: see cursorOf
	position live.Position
	version  string // of the last state that was told; "" when unknown
}

// cursors writes and reads cursors, which nobody else can make.
type cursors struct{ key []byte }

const cursorSumBytes = 16 // 128 bits of HMAC-SHA256 (RFC 2104, section 5)

var errCursor = errors.New("the cursor is not one of this shop's")

// cursorOf stands for a field and the key of what it watches. What a client selects of it may change, and so may the
// ids of a viewer.
func cursorOf(field *supergraph.Live, filters []EventFilter) string {
	text := field.Field
	if field.Key != viewerKey {
		text += "\n" + filters[0].Key
	}
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:6])
}

// write is "sum v2 topic of version position" in base64 for URLs, the sum over what follows it.
func (c cursors) write(at cursor) string {
	text := "v2\n" + at.topic + "\n" + at.of + "\n" + at.version + "\n" + at.position.String()
	return base64.RawURLEncoding.EncodeToString(append(c.sum(text), text...))
}

// read fails with errCursor for what write did not write with the same key.
func (c cursors) read(encoded string) (cursor, error) {
	raw, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil || len(raw) < cursorSumBytes {
		return cursor{}, errCursor
	}
	text := string(raw[cursorSumBytes:])
	if !hmac.Equal(raw[:cursorSumBytes], c.sum(text)) {
		return cursor{}, errCursor
	}
	parts := strings.Split(text, "\n")
	if len(parts) != 5 || parts[0] != "v2" {
		return cursor{}, errCursor
	}
	position, err := live.ParsePosition(parts[4])
	if err != nil {
		return cursor{}, errCursor
	}
	return cursor{topic: parts[1], of: parts[2], version: parts[3], position: position}, nil
}

// CheckCursor fails for what no gateway with this key has written.
func CheckCursor(key []byte, encoded string) error {
	_, err := cursors{key}.read(encoded)
	return err
}

func (c cursors) sum(text string) []byte {
	h := hmac.New(sha256.New, c.key)
	h.Write([]byte(text))
	return h.Sum(nil)[:cursorSumBytes]
}
