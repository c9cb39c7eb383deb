package gateway

import (
	"encoding/json"
	"fmt"
	"testing"
)

func TestTakeVersion(t *testing.T) {
	for _, c := range []struct {
		data, key, rest, version string
		present                  bool
	}{
		{`{"a":{"x":1,"__live_version":7}}`, "a", `{"a":{"x":1}}`, "7", true},
		{`{"a":{"__live_version":7}}`, "a", `{"a":{}}`, "7", true},
		{`{"a":{"__live_version":7,"x":[1, {"__live_version":2}]}}`, "a", `{"a":{"x":[1, {"__live_version":2}]}}`, "7", true},
		{`{"a":{"x":{"y":"}"} , "__live_version":"2026-01-02T00:00:00Z" , "z":null}}`, "a", `{"a":{"x":{"y":"}"} , "z":null}}`, "2026-01-02T00:00:00Z", true},
		{`{"a":{"x":1,"__live_version":null}}`, "a", `{"a":{"x":1}}`, "<nil>", true},
		{`{"a":{"x":1}}`, "a", `{"a":{"x":1}}`, "<nil>", true},
		{`{"a":null}`, "a", `{"a":null}`, "<nil>", false},
		{`null`, "a", `null`, "<nil>", false},
	} {
		rest, version, present := takeVersion([]byte(c.data), c.key)
		var compact any
		if err := json.Unmarshal(rest, &compact); err != nil {
			t.Errorf("%s leaves broken JSON: %s", c.data, rest)
		}
		if !sameJSON(string(rest), c.rest) || fmt.Sprint(version) != c.version || present != c.present {
			t.Errorf("%s: %s %v %v", c.data, rest, version, present)
		}
	}
}

func sameJSON(a, b string) bool {
	var x, y any
	if json.Unmarshal([]byte(a), &x) != nil || json.Unmarshal([]byte(b), &y) != nil {
		return false
	}
	return fmt.Sprint(x) == fmt.Sprint(y)
}

func TestNewer(t *testing.T) {
	for _, c := range []struct {
		a, b any
		want bool
	}{
		{json.Number("10"), json.Number("9"), true},
		{10.0, json.Number("9"), true},
		{json.Number("9"), json.Number("9"), false},
		{int64(8), 9, false},
		{"2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z", true},
		{"01J", "01J", false},
		{nil, 3, true},
		{3, nil, true},
		{1e6, json.Number("999999"), true},
	} {
		if got := newer(c.a, c.b); got != c.want {
			t.Errorf("newer(%v, %v) = %v", c.a, c.b, got)
		}
	}
}
