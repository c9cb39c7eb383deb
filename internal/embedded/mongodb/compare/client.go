package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// client is one of those that send commands at once.
type client struct {
	*workload
	*source
	seen map[string]string // its documents as both servers had them last, by collection and id
}

func (c *client) run(ctx context.Context, operations int) error {
	names := append(slices.Sorted(maps.Keys(shared)), c.client)
	for range operations {
		collection := pick(c.source, names...)
		own := collection == c.client
		op := c.next(collection, own)
		if err := c.step(ctx, collection, op); err != nil {
			return err
		}
	}
	return nil
}

// step sends one command and compares; after a difference both servers forget the client's documents
// there, so that the next one is about something else.
func (c *client) step(ctx context.Context, collection string, op operation) error {
	left, right, err := c.both(ctx, op)
	if err != nil {
		return err
	}
	if c.sameButForOrder(left, right) {
		right = left
	}
	d := difference{op: op, collection: collection, left: left, right: right, before: c.known(collection, op)}
	same := slices.Equal(left, right)
	if same && (op.whole || len(op.ids) > 0) {
		look := operation{command: bson.D{e("find", collection), e("filter", bson.D{e("_id", bson.D{e("$in", c.about(op))})}), e("sort", bson.D{e("_id", int32(1))})}}
		d.answer = left
		if d.left, d.right, err = c.both(ctx, look); err != nil {
			return err
		}
		d.after, same = true, slices.Equal(d.left, d.right) || c.sameButForOrder(d.left, d.right)
		if same {
			c.remember(collection, op, d.left)
		}
	}
	if same {
		return nil
	}
	c.note(d)
	return c.forget(ctx, collection)
}

// about lists the ids that a command may write.
func (c *client) about(op operation) []any {
	if !op.whole {
		return op.ids
	}
	all := make([]any, c.ids)
	for i := range all {
		all[i] = fmt.Sprintf("%s-%02d", c.client, i)
	}
	return all
}

// known is what the documents were that the command named.
func (c *client) known(collection string, op operation) answer {
	var a answer
	if op.whole {
		return nil
	}
	for _, id := range c.about(op) {
		if d := c.seen[collection+"/"+id.(string)]; d != "" && !slices.Contains(a, d) {
			a = append(a, d)
		}
	}
	return a
}

func (c *client) remember(collection string, op operation, docs answer) {
	for _, id := range c.about(op) {
		delete(c.seen, collection+"/"+id.(string))
	}
	for _, d := range docs {
		var doc struct {
			ID string `bson:"_id"`
		}
		if err := bson.UnmarshalExtJSON([]byte(d), true, &doc); err == nil {
			c.seen[collection+"/"+doc.ID] = d
		}
	}
}

func (c *client) forget(ctx context.Context, collection string) error {
	all := bson.D{e("q", bson.D{e("_id", bson.D{e("$in", c.about(operation{whole: true}))})}), e("limit", int32(0))}
	_, _, err := c.both(ctx, operation{command: bson.D{e("delete", collection), e("deletes", bson.A{all})}})
	if err == nil && collection == c.client {
		_, _, err = c.both(ctx, operation{command: bson.D{e("dropIndexes", collection), e("index", "*")}})
	}
	for k := range c.seen {
		if len(k) > len(collection) && k[:len(collection)+1] == collection+"/" {
			delete(c.seen, k)
		}
	}
	return err
}
