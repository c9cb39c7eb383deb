package operations

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"
)

// Signing. What is stored carries an HMAC-SHA256 over all of it, with a key made of the shop's secret: who
// can write to the database alone can neither add an operation nor change one. They can put back an older
// state of one, which was signed as well.

// sign is the signature of values, in their order.
func sign(key []byte, values ...string) string {
	text, err := json.Marshal(values) // unlike joining, no two lists give the same text
	if err != nil {
		panic(err) // strings always can
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(text)
	return base64.RawStdEncoding.EncodeToString(mac.Sum(nil))
}

func (d document) signature(key []byte) string {
	retired := ""
	if d.RetiredAt != nil {
		retired = d.RetiredAt.UTC().Format(time.RFC3339)
	}
	o := d.Operation
	return sign(key, "operation", d.Client, o.ID, o.Name, o.Type, o.Body, fmt.Sprint(d.Release), retired)
}

// signed reports whether a document is one of the shop's own, under the key where it was found.
func (d document) signed(by []byte) bool {
	return d.Key == key(d.Client, d.Operation.ID) && hmac.Equal([]byte(d.Signature), []byte(d.signature(by)))
}

func (r Release) signature(key []byte) string {
	return sign(key, "release", r.Client, fmt.Sprint(r.Number), r.Digest, r.Format, fmt.Sprint(r.Operations), r.At.UTC().Format(time.RFC3339))
}
