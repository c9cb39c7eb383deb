package webhooks

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"storefront/internal/errs"
)

// Signing as https://www.standardwebhooks.com says: HMAC-SHA256 over "id.timestamp.body", in base64 after
// "v1,"; the secret is "whsec_" and base64.

// The headers of a call.
const (
	HeaderID        = "Webhook-Id"
	HeaderTimestamp = "Webhook-Timestamp" // seconds since 1970
	HeaderSignature = "Webhook-Signature" // one or more, with a space between
)

const (
	secretPrefix = "whsec_"
	version      = "v1,"
	// Tolerance is how old or early a call may be; after that it could be an old one, sent again by somebody else.
	Tolerance = 5 * time.Minute
)

// secretOf is a webhook's own secret, made of the shop's, so that it is kept nowhere.
func secretOf(key []byte, id string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("secret\x00" + id))
	return secretPrefix + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// Sign is the signature of a call.
func Sign(secret, id string, at time.Time, body []byte) (string, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, secretPrefix))
	if err != nil || len(key) == 0 {
		return "", errs.New(errs.BadInput, "the secret is none: it is %s and base64", secretPrefix)
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%d.", id, at.Unix())
	mac.Write(body)
	return version + base64.StdEncoding.EncodeToString(mac.Sum(nil)), nil
}

// Verify is for who receives a call: it returns nil when the call is the shop's own and of now.
func Verify(secret string, h http.Header, body []byte, now time.Time) error {
	id, stamp := h.Get(HeaderID), h.Get(HeaderTimestamp)
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if id == "" || err != nil || h.Get(HeaderSignature) == "" {
		return errs.New(errs.BadInput, "the call has to have the headers %s, %s (seconds since 1970) and %s", HeaderID, HeaderTimestamp, HeaderSignature)
	}
	at := time.Unix(seconds, 0)
	if age := now.Sub(at).Abs(); age > Tolerance {
		return errs.New(errs.Forbidden, "the call's time is %s off; it may be %s", age.Round(time.Second), Tolerance)
	}
	want, err := Sign(secret, id, at, body)
	if err != nil {
		return err
	}
	for _, given := range strings.Fields(h.Get(HeaderSignature)) {
		if hmac.Equal([]byte(given), []byte(want)) {
			return nil
		}
	}
	return errs.New(errs.Forbidden, "the signature is not that of the call")
}
