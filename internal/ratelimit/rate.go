package ratelimit

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"storefront/internal/errs"
)

// Rate is how much is allowed in a time. All of it may be used at once, after which it comes back evenly.
// The zero Rate is no limit.
type Rate struct {
	Quota  int
	Window time.Duration
}

const maxQuota = 1_000_000_000

var windows = map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}

// ParseRate reads "600/m": a number in a second, a minute, an hour or a day, s, m, h or d. "none" is no limit.
func ParseRate(text string) (Rate, error) {
	if text == "none" {
		return Rate{}, nil
	}
	number, unit, _ := strings.Cut(text, "/")
	quota, err := strconv.Atoi(number)
	window := windows[unit]
	if err != nil || window == 0 || quota < 1 || quota > maxQuota {
		return Rate{}, errs.New(errs.BadInput, "%q is no rate; write it like 100/s, 600/m, 10000/h or 50000/d, or none", text)
	}
	return Rate{quota, window}, nil
}

// String is the rate as ParseRate reads it.
func (r Rate) String() string {
	for unit, window := range windows {
		if r.Window == window {
			return fmt.Sprintf("%d/%s", r.Quota, unit)
		}
	}
	return "none"
}

// None reports whether there is no limit.
func (r Rate) None() bool { return r.Quota <= 0 || r.Window <= 0 }
