package cache

import (
	"bytes"
	"testing"
	"time"

	"storefront/router/execute"
)

// What stands in the store may be anything: it is read as what was written, or not at all.
func FuzzDecode(f *testing.F) {
	k := key{1, 2, 3}
	whole := encode(&entry{key: k, value: []byte(`{"a":1}`), slots: []uint32{7, slots - 1}, filled: 1, expires: 2}, moment{"epoch", 5})
	f.Add(whole)
	f.Add(whole[:20])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		e, m, ok := decode(k, data)
		if !ok {
			return
		}
		if e.key != k {
			t.Fatalf("another's answer was taken")
		}
		again, m2, ok := decode(k, encode(e, moment{m.epoch, m.count}))
		if !ok || m2 != m || !bytes.Equal(again.value, e.value) || len(again.slots) != len(e.slots) {
			t.Fatalf("%+v was read again as %+v", e, again)
		}
	})
}

func FuzzSplit(f *testing.F) {
	for _, seed := range []string{`{"data":{"_entities":[{"a":1},null]}}`, `{"errors":[{"path":["_entities",0]}],"data":{"_entities":[null]}}`, `{"data":null}`, `[]`, `{"data":{"_entities":[`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, entities := range []bool{true, false} {
			if a := split(body, entities); a.failed {
				a.moved([]int{3, 4})
			}
		}
	})
}

func TestLifetime(t *testing.T) {
	const most = 60
	for control, want := range map[string]int{
		"": most, "max-age=5": 5, "max-age=500": most, "no-store": 0, "max-age=9, no-cache": 0, "private": 0, "s-maxage=7, max-age=3": 7,
		"max-age=3, s-maxage=7": 7, "public": most, "max-age=x": 0, "MAX-AGE=4": 4,
	} {
		if got := execute.Lifetime(control, most*time.Second, false); got != time.Duration(want)*time.Second {
			t.Errorf("%q: %v, want %d s", control, got, want)
		}
	}
	if got := execute.Lifetime("private, max-age=2", most*time.Second, true); got != 2*time.Second {
		t.Errorf("a private answer: %v, want 2 s", got)
	}
}
