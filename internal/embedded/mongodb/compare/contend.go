package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// contest is a race of all clients for the same documents. Who wins is anybody's guess; what it says at
// the end must be the same on both servers: sums, and how often each outcome came.
type contest struct {
	name string
	// commands is how many commands one round of all clients takes, about.
	commands int
	run      func(ctx context.Context, c *mongo.Collection, rounds int) (string, error)
}

var contests = []contest{
	{"stock", 2 * clients, sellStock},
	{"transitions", clients, moveOnce},
	{"versions", 3 * clients, countVersions},
	{"unique keys", clients, takeKeys},
	{"upserts", clients, upsertOnce},
	{"queue", clients, claimQueue},
}

const contestPrefix = "contest"

// deadlock is what FerretDB answers to all but one of several commands that wait for each other: the number
// is PostgreSQL's 40P01 deadlock_detected, as its MAKE_SQLSTATE packs it. The command did nothing, and may
// be sent again. MongoDB has no such answer.
const deadlock = "failed at 0: error 16908292"

// contend runs every contest on both servers, in so many commands together.
func (w *workload) contend(ctx context.Context, operations int) error {
	for i, contest := range contests {
		rounds := operations/(len(contests)*contest.commands) + 1
		name := fmt.Sprint(contestPrefix, i)
		left := contest.outcome(ctx, w.left.Collection(name), rounds)
		right := contest.outcome(ctx, w.right.Collection(name), rounds)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		w.sent += rounds * contest.commands
		if !slices.Equal(left, right) {
			w.note(difference{op: operation{command: bson.D{e("contest", contest.name)}}, collection: name, left: left, right: right})
		}
	}
	return nil
}

func (c contest) outcome(ctx context.Context, on *mongo.Collection, rounds int) answer {
	said, err := c.run(ctx, on, rounds)
	if err != nil {
		return answer{said, err.Error()}
	}
	return answer{said}
}

func byID(id any) bson.D { return bson.D{e("_id", id)} }

// sellStock sells fewer units than are asked for: none is sold twice, none is left.
func sellStock(ctx context.Context, c *mongo.Collection, rounds int) (string, error) {
	units := rounds * clients * 2 / 3
	if _, err := c.InsertOne(ctx, bson.D{e("_id", "sku"), e("available", units), e("version", 1)}); err != nil {
		return "", err
	}
	var sold, refused atomic.Int64
	err := together(func(i int) error {
		for n := range rounds {
			hold := fmt.Sprintf("holds.o%d_%d", i, n)
			for range 2 { // a second time, as after an answer that was lost
				r, err := c.UpdateOne(ctx, bson.D{e("_id", "sku"), e("available", bson.D{e("$gte", 1)}), e(hold, bson.D{e("$exists", false)})},
					bson.D{e("$inc", bson.D{e("available", -1), e("version", 1)}), e("$set", bson.D{e(hold, 1)})})
				if err != nil {
					return err
				}
				sold.Add(r.ModifiedCount)
				refused.Add(1 - r.MatchedCount)
			}
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	var d struct {
		Available, Version int
		Holds              map[string]int
	}
	err = c.FindOne(ctx, byID("sku")).Decode(&d)
	return fmt.Sprintf("of %d units %d sold, %d refused, %d left, %d holds, version %d", units, sold.Load(), refused.Load(), d.Available, len(d.Holds), d.Version), err
}

// moveOnce moves each document from one state to the next, which only one client may do.
func moveOnce(ctx context.Context, c *mongo.Collection, rounds int) (string, error) {
	for n := range rounds {
		if _, err := c.InsertOne(ctx, bson.D{e("_id", n), e("state", "NEW")}); err != nil {
			return "", err
		}
	}
	moved := make([]atomic.Int64, rounds)
	err := together(func(i int) error {
		for n := range rounds {
			r, err := c.UpdateOne(ctx, bson.D{e("_id", n), e("state", "NEW")}, bson.D{e("$set", bson.D{e("state", "PAID"), e("by", i)}), e("$push", bson.D{e("outbox", i)})})
			if err != nil {
				return err
			}
			moved[n].Add(r.MatchedCount)
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	paid, err := c.CountDocuments(ctx, bson.D{e("state", "PAID"), e("outbox", bson.D{e("$size", 1)})})
	return fmt.Sprintf("%s, %d paid with one event", winners(moved), paid), err
}

// countVersions lets each client read, add one and write on the condition that nobody wrote meanwhile.
func countVersions(ctx context.Context, c *mongo.Collection, rounds int) (string, error) {
	if _, err := c.InsertOne(ctx, bson.D{e("_id", 1), e("version", 1), e("total", 0)}); err != nil {
		return "", err
	}
	err := together(func(int) error {
		for done := 0; done < rounds; {
			var d struct{ Version, Total int }
			if err := c.FindOne(ctx, byID(1)).Decode(&d); err != nil {
				return err
			}
			r, err := c.UpdateOne(ctx, bson.D{e("_id", 1), e("version", d.Version)}, bson.D{e("$set", bson.D{e("total", d.Total+1), e("version", d.Version+1)})})
			if err != nil {
				return err
			}
			done += int(r.MatchedCount)
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	var d struct{ Version, Total int }
	err = c.FindOne(ctx, byID(1)).Decode(&d)
	return fmt.Sprintf("version %d, total %d", d.Version, d.Total), err
}

// takeKeys lets all insert under the same unique key.
func takeKeys(ctx context.Context, c *mongo.Collection, rounds int) (string, error) {
	if err := c.Database().RunCommand(ctx, bson.D{e("createIndexes", c.Name()), e("indexes", bson.A{index("once", true, exists("key"), "key")})}).Err(); err != nil {
		return "", err
	}
	taken, refused := make([]atomic.Int64, rounds), make([]atomic.Int64, rounds)
	err := together(func(i int) error {
		for n := range rounds {
			insert := operation{command: bson.D{e("insert", c.Name()), e("documents", bson.A{bson.D{e("_id", fmt.Sprintf("%d-%d", n, i)), e("key", n)}})}}
			a, err := ask(ctx, c.Database(), insert)
			for err == nil && slices.Equal(a, answer{deadlock, "n 0"}) {
				time.Sleep(rand.N(200 * time.Millisecond)) // all at once they would only meet again
				a, err = ask(ctx, c.Database(), insert)
			}
			switch {
			case err != nil:
				return err
			case slices.Contains(a, "n 1"):
				taken[n].Add(1)
			case slices.Contains(a, "failed at 0: error 11000 index once"):
				refused[n].Add(1)
			default:
				return errors.New(a.String())
			}
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	left, err := c.CountDocuments(ctx, bson.D{})
	return fmt.Sprintf("%s taken, %s refused, %d left", winners(taken), winners(refused), left), err
}

// upsertOnce lets all make the same document, or add to it.
func upsertOnce(ctx context.Context, c *mongo.Collection, rounds int) (string, error) {
	made := make([]atomic.Int64, rounds)
	err := together(func(int) error {
		for n := range rounds {
			r, err := c.UpdateOne(ctx, byID(n), bson.D{e("$inc", bson.D{e("n", 1)}), e("$setOnInsert", bson.D{e("first", true)})}, options.UpdateOne().SetUpsert(true))
			if err != nil {
				return err
			}
			made[n].Add(r.UpsertedCount)
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	// FerretDB may tell more than one client that it made a document, though there is one: so who was
	// told is counted at least once only.
	told := 0
	for n := range made {
		if made[n].Load() > 0 {
			told++
		}
	}
	full, err := c.CountDocuments(ctx, bson.D{e("n", clients), e("first", true)})
	return fmt.Sprintf("%d made, %d count all", told, full), err
}

// claimQueue lets all take the document that waits longest.
func claimQueue(ctx context.Context, c *mongo.Collection, rounds int) (string, error) {
	for n := range rounds * clients / 2 {
		if _, err := c.InsertOne(ctx, bson.D{e("_id", n), e("due", epoch.AddDate(0, 0, n%7)), e("tries", 0)}); err != nil {
			return "", err
		}
	}
	var claimed, none atomic.Int64
	err := together(func(int) error {
		for range rounds {
			var err error
			for { // FerretDB may find a deadlock among several of these, and says so with 1 InternalError
				err = c.FindOneAndUpdate(ctx, bson.D{e("due", bson.D{e("$lte", epoch.AddDate(1, 0, 0))})},
					bson.D{e("$set", bson.D{e("due", epoch.AddDate(2, 0, 0))}), e("$inc", bson.D{e("tries", 1)})},
					options.FindOneAndUpdate().SetSort(bson.D{e("due", 1)})).Err()
				if failed := serverError(err); failed == nil || failed.code != 1 {
					break
				}
				time.Sleep(rand.N(200 * time.Millisecond))
			}
			switch {
			case err == nil:
				claimed.Add(1)
			case errors.Is(err, mongo.ErrNoDocuments):
				none.Add(1)
			default:
				return err
			}
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	once, err := c.CountDocuments(ctx, bson.D{e("tries", 1)})
	return fmt.Sprintf("%d claimed, %d found none, %d claimed once", claimed.Load(), none.Load(), once), err
}

// winners says how many of the documents had how many.
func winners(each []atomic.Int64) string {
	counts := map[int64]int{}
	for i := range each {
		counts[each[i].Load()]++
	}
	return fmt.Sprint(counts)
}
