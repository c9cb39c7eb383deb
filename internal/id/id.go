// Package id makes identifiers that carry their type: "ord_01J9Z...". The part behind the prefix is a
// ULID: sortable by time, with 80 random bits.
package id

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
)

var encoding = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// New returns a fresh id with prefix.
func New(prefix string) string {
	return prefix + "_" + ulid.MustNew(ulid.Timestamp(time.Now()), rand.Reader).String()
}

// Of returns the id that these parts always give: the same parts, the same id, 130 bits of SHA-256.
func Of(prefix string, parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return prefix + "_" + encoding.EncodeToString(sum[:])[:26]
}

// Swap gives id's own part another prefix: the payment of ord_X is pay_X.
func Swap(id, prefix string) string {
	_, rest, ok := strings.Cut(id, "_")
	if !ok {
		return prefix + "_" + id
	}
	return prefix + "_" + rest
}

// Token returns a secret of 160 random bits, for capabilities such as a guest's.
func Token() string {
	var b [20]byte
	rand.Read(b[:])
	return encoding.EncodeToString(b[:])
}
