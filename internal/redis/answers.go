package redis

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// Answers keeps what routers have been answered, under keys of their own, and beside it the clock by which they
// know what is no longer true: one hash with an epoch, a count, and for each slot the count at which it was last
// ended. It is one key, so that whatever forgets the clock forgets all of it, and then nothing kept is used.
type Answers struct {
	client redis.UniversalClient
	prefix string
	clock  string
}

// NewAnswers keeps answers under keys that begin with prefix.
func NewAnswers(client redis.UniversalClient, prefix string) *Answers {
	return &Answers{client: client, prefix: prefix, clock: prefix + "clock"}
}

const (
	fieldEpoch = "epoch"
	fieldCount = "count"
)

// Read returns the values under keys, nil for none, and what the clock said before: no epoch when there is none.
func (a *Answers) Read(ctx context.Context, keys []string) (values [][]byte, epoch string, count uint64, err error) {
	pipe := a.client.Pipeline()
	clock := pipe.HMGet(ctx, a.clock, fieldEpoch, fieldCount)
	gets := make([]*redis.StringCmd, len(keys))
	for i, k := range keys {
		gets[i] = pipe.Get(ctx, a.prefix+k)
	}
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return nil, "", 0, fmt.Errorf("read answers: %w", err)
	}
	values = make([][]byte, len(keys))
	for i, get := range gets {
		if values[i], err = get.Bytes(); err != nil && !errors.Is(err, redis.Nil) {
			return nil, "", 0, fmt.Errorf("read answers: %w", err)
		}
	}
	said, err := clock.Result()
	if err != nil {
		return nil, "", 0, fmt.Errorf("read clock of answers: %w", err)
	}
	epoch, _ = said[0].(string)
	return values, epoch, number(said[1]), nil
}

// Write puts values under keys for as long as ttls say.
func (a *Answers) Write(ctx context.Context, keys []string, values [][]byte, ttls []time.Duration) error {
	pipe := a.client.Pipeline()
	for i, k := range keys {
		pipe.Set(ctx, a.prefix+k, values[i], max(ttls[i], time.Millisecond))
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("write answers: %w", err)
	}
	return nil
}

// Ended returns the counts at which slots were last ended, 0 for never, and the epoch in which they were.
func (a *Answers) Ended(ctx context.Context, slots []uint32) (counts []uint64, epoch string, err error) {
	fields := make([]string, 1, len(slots)+1)
	fields[0] = fieldEpoch
	for _, s := range slots {
		fields = append(fields, strconv.FormatUint(uint64(s), 10))
	}
	said, err := a.client.HMGet(ctx, a.clock, fields...).Result()
	if err != nil {
		return nil, "", fmt.Errorf("read clock of answers: %w", err)
	}
	epoch, _ = said[0].(string)
	counts = make([]uint64, len(slots))
	for i, v := range said[1:] {
		counts[i] = number(v)
	}
	return counts, epoch, nil
}

// end counts on and sets fields to the count. A count and its slots are seen together.
const end = `local n = redis.call('HINCRBY', KEYS[1], 'count', 1)
for i = 1, #ARGV do redis.call('HSET', KEYS[1], ARGV[i], n) end
return n`

// endAtOnce is how many slots one script sets: while it runs, Redis does nothing else.
const endAtOnce = 1000

// End counts on, and sets slots to that count.
func (a *Answers) End(ctx context.Context, slots []uint32) error {
	for len(slots) > 0 {
		n := min(len(slots), endAtOnce)
		args := make([]any, n)
		for i, s := range slots[:n] {
			args[i] = s
		}
		if err := a.client.Eval(ctx, end, []string{a.clock}, args...).Err(); err != nil {
			return fmt.Errorf("end answers: %w", err)
		}
		slots = slots[n:]
	}
	return nil
}

// begin makes a new clock.
const begin = `redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'count', 0)
return 1`

// Begin gives the clock a new epoch: nothing that was written before is true any more.
func (a *Answers) Begin(ctx context.Context) error {
	if err := a.client.Eval(ctx, begin, []string{a.clock}, rand.Text()).Err(); err != nil {
		return fmt.Errorf("begin answers: %w", err)
	}
	return nil
}

// number reads a count that Redis gave as text, 0 for none.
func number(v any) uint64 {
	text, _ := v.(string)
	n, _ := strconv.ParseUint(text, 10, 64)
	return n
}
