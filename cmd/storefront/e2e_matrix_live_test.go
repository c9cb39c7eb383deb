package main

import (
	"fmt"
	"strings"
)

// stream is a subscription of one person's to what is w's, and another to what does not exist.
type stream struct {
	what          string
	asker         asker
	may           may
	w             *world
	id            string
	heard, silent *listener
}

// listen subscribes everybody to an order that is under way, in different styles: over SSE and WebSocket, with the
// state as it is and without.
func (m *matrix) listen(w *world, order string) {
	for _, a := range m.people {
		sockets := map[string]vars{}
		first := len(m.streams)
		for _, key := range []string{"Subscription.orderStatus", "Subscription.shipmentTracking"} {
			request := func(style style, id string, initial bool) vars {
				text := m.documents[key][style].text
				r := vars{"query": text, "variables": vars{"id": id}, "extensions": vars{"initial": initial}}
				if a.partner {
					delete(r, "query")
					r["id"] = m.ids[text]
				}
				return r
			}
			for i, initial := range []bool{true, false} {
				over := func(how string) stream {
					return stream{what: fmt.Sprintf("%s over %s, initial %v", key, how, initial), asker: a, may: fieldRows[key].may, w: w, id: order}
				}
				sse, ws := over("SSE"), over("WebSocket")
				sse.heard = a.person.listenTo(m.t, request(style(2*i), order, initial))
				sse.silent = a.person.listenTo(m.t, request(style(2*i), nothing(order), initial))
				sockets[ws.what], sockets[ws.what+" none"] = request(style(2*i+1), order, initial), request(style(2*i+1), nothing(order), initial)
				m.streams = append(m.streams, sse, ws)
			}
		}
		c := a.person.dial(m.t, sockets)
		for i := range m.streams[first:] {
			if s := &m.streams[first+i]; s.heard == nil {
				s.heard, s.silent = c.results[s.what], c.results[s.what+" none"]
			}
		}
	}
}

// heard looks at what came over all streams, long after the orders were done.
func (m *matrix) heard() {
	all := func(l *listener) string {
		var b strings.Builder
		for {
			select {
			case a, open := <-l.results:
				if open {
					fmt.Fprintln(&b, a.data, a.errors)
					continue
				}
				b.WriteString("end")
			default:
			}
			return b.String()
		}
	}
	for _, s := range m.streams {
		m.judge(s.what, s.asker, s.may, false, s.w, s.id, func(id string) reply {
			if id == s.id {
				return reply{200, all(s.heard)}
			}
			return reply{200, all(s.silent)}
		})
	}
}
