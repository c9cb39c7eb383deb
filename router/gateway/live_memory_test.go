package gateway_test

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"storefront/router/gateway"
)

// manyRights knows everybody by a text that takes some memory.
type manyRights struct{ tokens }

func (manyRights) ShareKey(id *gateway.Identity, _ http.Header) string {
	return strings.Repeat(id.Also[0], 1<<17)
}

// Nothing is kept of those who came to a group that goes on, and have left.
func TestGroupForgetsWhoLeft(t *testing.T) {
	h := newHouse(t, func(c *gateway.Config) { c.Headers = manyRights{} })
	memory := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	stays := h.stream(t, watchO1, "Authorization", "Bearer ada", "X-Guest", "0")
	stays.expect("next", "PLACED")
	before := memory()
	const people = 200
	for i := range people {
		ctx, leave := context.WithCancel(t.Context())
		r, _ := http.NewRequestWithContext(ctx, http.MethodPost, h.url, strings.NewReader(`{"query":`+mustJSON(watchO1)+`}`))
		for name, value := range map[string]string{"Content-Type": "application/json", "Accept": "text/event-stream", "Authorization": "Bearer ada", "X-Guest": fmt.Sprintf("%03d", i)} {
			r.Header.Set(name, value)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		leave()
		res.Body.Close()
	}
	eventually(t, "all but one have left", func() bool { return h.gw.Live().Feeds == 1 })
	eventually(t, "their memory is free", func() bool { return memory() < before+people/4*3<<17 })
}
