package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

const clients = 8

// The collections that all clients share, with their indexes: as the stores have them, unique and
// partial ones, on several fields and on fields of arrays. Unique ones begin with the client, so that
// what one client writes is no matter of another's.
var shared = map[string][]bson.D{
	"orders": {
		index("owner_key", false, nil, "owner", "key"),
		index("once", true, exists("key"), "owner", "key"),
		index("status", false, nil, "status", "-_id"),
		index("waiting", false, bson.D{e("open", true)}, "at"),
		index("outbox", false, exists("due"), "due"),
	},
	"products": {
		index("owner_text", false, nil, "owner", "text", "-n"),
		index("sku", false, nil, "items.sku"),
		index("tags", false, nil, "tags", "_id"),
		index("holds", false, nil, "items.at"),
		index("once", true, nil, "_id", "items.sku"),
	},
	"reviews": {
		index("newest", false, nil, "owner", "status", "-at", "-_id"),
		index("rated", false, nil, "status", "n", "-at", "-_id"),
		index("once", true, bson.D{e("open", true)}, "owner", "version", "n"),
		index("any", false, nil, "-a"),
	},
}

// index describes one as internal/mongodb.Index does: a leading "-" sorts downwards.
func index(name string, unique bool, partial bson.D, keys ...string) bson.D {
	columns := bson.D{}
	for _, k := range keys {
		sign := int32(1)
		if k[0] == '-' {
			k, sign = k[1:], -1
		}
		columns = append(columns, e(k, sign))
	}
	d := bson.D{e("key", columns), e("name", name)}
	if unique {
		d = append(d, e("unique", true))
	}
	if partial != nil {
		d = append(d, e("partialFilterExpression", partial))
	}
	return d
}

// workload is one comparison. The left server is the embedded one, the right one it is held against.
type workload struct {
	left, right   *mongo.Database
	seed          uint64
	mu            sync.Mutex
	sent          int
	known         int
	deviations    map[string]int
	differences   []difference
	disconnecters []*mongo.Client
}

// difference is a command that the servers answered differently, and what it was about.
type difference struct {
	op          operation
	collection  string
	before      answer // the documents that the command was about, where known
	left, right answer
	after       bool   // the answers were the same; the documents afterwards are not
	answer      answer // what it was then
}

func newWorkload(ctx context.Context, left, right string, seed uint64) (*workload, error) {
	w := &workload{seed: seed, deviations: map[string]int{}}
	name := fmt.Sprintf("compare_%d_%d", seed, time.Now().UnixNano())
	for _, side := range []struct {
		uri string
		db  **mongo.Database
	}{{left, &w.left}, {right, &w.right}} {
		client, err := connect(side.uri)
		if err != nil {
			return nil, err
		}
		w.disconnecters = append(w.disconnecters, client)
		*side.db = client.Database(name)
		for collection, indexes := range shared {
			if err := (*side.db).RunCommand(ctx, bson.D{e("createIndexes", collection), e("indexes", indexes)}).Err(); err != nil {
				return nil, fmt.Errorf("make the indexes of %s at %s: %w", collection, side.uri, err)
			}
		}
	}
	return w, nil
}

// close drops what was made and disconnects.
func (w *workload) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for i, db := range []*mongo.Database{w.left, w.right} {
		db.Drop(ctx)
		w.disconnecters[i].Disconnect(ctx)
	}
}

// run sends a tenth of the commands in contention and the others side by side.
func (w *workload) run(ctx context.Context, operations int) error {
	each := (operations*9/10 + clients - 1) / clients
	err := together(func(i int) error {
		c := &client{workload: w, source: newSource(w.seed, i), seen: map[string]string{}}
		return c.run(ctx, each)
	})
	if err != nil {
		return err
	}
	w.sent += each * clients
	if err := w.compareState(ctx); err != nil {
		return err
	}
	return w.contend(ctx, operations/10)
}

// together runs fn in each client.
func together(fn func(client int) error) error {
	var group sync.WaitGroup
	all := make([]error, clients)
	for i := range clients {
		group.Go(func() { all[i] = fn(i) })
	}
	group.Wait()
	return errors.Join(all...)
}

func (w *workload) note(d difference) {
	asIs := d
	d.left, d.right = d.left.unordered(false), d.right.unordered(false)
	for _, known := range deviations {
		if known.explains(d) {
			w.count(known.what)
			return
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.differences = append(w.differences, asIs)
}

// sameButForOrder counts a known deviation, which needs no new beginning: that documents have the same
// fields in another order. Inside of nested documents it does, as they may be compared with.
func (w *workload) sameButForOrder(left, right answer) bool {
	if slices.Equal(left, right) || !slices.Equal(left.unordered(false), right.unordered(false)) {
		return false
	}
	w.count(orderOfFields)
	return true
}

func (w *workload) count(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.known++
	w.deviations[what]++
}

// both asks the two servers the same.
func (w *workload) both(ctx context.Context, op operation) (left, right answer, err error) {
	var other error
	var group sync.WaitGroup
	group.Go(func() { right, other = ask(ctx, w.right, op) })
	left, err = ask(ctx, w.left, op)
	group.Wait()
	if err = errors.Join(err, other); err != nil {
		err = fmt.Errorf("%s: %w", describe(op), err)
	}
	return left, right, err
}

// compareState compares all documents and indexes that are left.
func (w *workload) compareState(ctx context.Context) error {
	names, err := w.left.ListCollectionNames(ctx, bson.D{})
	if err != nil {
		return err
	}
	slices.Sort(names)
	for _, c := range names {
		if strings.HasPrefix(c, contestPrefix) {
			continue // who won is anybody's guess
		}
		for _, op := range []operation{
			{command: bson.D{e("find", c), e("sort", bson.D{e("_id", int32(1))})}},
			{command: bson.D{e("listIndexes", c)}, anyRow: true},
		} {
			left, right, err := w.both(ctx, op)
			if err != nil {
				return err
			}
			if !slices.Equal(left, right) && !w.sameButForOrder(left, right) {
				w.note(difference{op: op, collection: c, left: left, right: right})
			}
		}
	}
	return nil
}

// report prints the first differences in full and counts all by what they are about.
func (w *workload) report(out io.Writer, most int) {
	for i, d := range w.differences {
		if i == most {
			fmt.Fprintf(out, "... and %d more\n", len(w.differences)-most)
			break
		}
		what := "answers differ"
		if d.after {
			what = "documents differ afterwards"
		}
		fmt.Fprintf(out, "-- %s: %s\n", what, describe(d.op))
		d.left, d.right = d.left.without(d.right), d.right.without(d.left)
		for _, part := range []struct {
			name  string
			lines answer
		}{{"before", d.before}, {"embedded", d.left}, {"other", d.right}} {
			for _, line := range part.lines {
				fmt.Fprintf(out, "   %-9s %s\n", part.name, line)
			}
		}
	}
	for _, what := range slices.Sorted(maps.Keys(w.deviations)) {
		fmt.Fprintf(out, "known, %d times: %s\n", w.deviations[what], what)
	}
}

// without leaves out the lines that other has as well, as often as it has them.
func (a answer) without(other answer) answer {
	var rest answer
	other = slices.Clone(other)
	for _, line := range a {
		if i := slices.Index(other, line); i >= 0 {
			other = slices.Delete(other, i, i+1)
		} else {
			rest = append(rest, line)
		}
	}
	return rest
}

func describe(op operation) string {
	b, err := bson.MarshalExtJSON(op.command, false, false)
	if err != nil {
		return fmt.Sprint(op.command)
	}
	return string(b)
}
