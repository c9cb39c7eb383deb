package mongodb

import (
	"time"

	"go.mongodb.org/mongo-driver/bson/bsontype"
	"go.mongodb.org/mongo-driver/x/bsonx/bsoncore"
)

// sweep removes the records that the TTL indexes say have expired at now.
func (s *store) sweep(now time.Time) error {
	for _, c := range s.list("") {
		if err := s.sweepCollection(c, now); err != nil {
			return err
		}
	}
	return nil
}

func (s *store) sweepCollection(c *collection, now time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dropped {
		return nil
	}
	w := c.begin()
	for _, ix := range c.indexes {
		if !ix.ttl {
			continue
		}
		limit := value{Type: bsontype.DateTime, Data: bsoncore.AppendDateTime(nil, now.Add(-ix.expires).UnixMilli())}
		sp := span{
			entry{keys: []value{limit}, bound: -1, classOnly: true},
			entry{keys: []value{limit}, bound: 1},
		}
		if ix.columns[0].sign < 0 {
			sp = span{
				entry{keys: []value{limit}, bound: -1},
				entry{keys: []value{limit}, bound: 1, classOnly: true},
			}
		}
		var expired []*record
		c.each(scan{ix: ix, spans: []span{sp}, score: 1}, func(r *record) bool {
			expired = append(expired, r)
			return true
		})
		for _, r := range expired {
			w.delete(r)
		}
	}
	return w.commit()
}
