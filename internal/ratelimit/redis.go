package ratelimit

import (
	"context"
	"crypto/sha1"
	_ "embed"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed gcra.lua
var script string

// ask lets Redis decide; false says that it is away.
func (l *Limiter) ask(ctx context.Context, subject string, charges []Charge, want []int) (Decision, bool) {
	if !l.breaker.closed() {
		return Decision{}, false
	}
	args := make([]any, 0, 3+5*len(charges))
	args = append(args, "evalsha", scriptHash(), len(charges))
	for _, c := range charges {
		// What is in braces chooses the node of a cluster: all quotas of a subject are on one.
		args = append(args, keyPrefix+"{"+subject+"}:"+c.Name)
	}
	for i, c := range charges {
		args = append(args, strconv.FormatFloat(c.Rate.each()/1000, 'g', -1, 64), c.Rate.Window.Microseconds(), c.Units, want[i])
	}
	out, err := l.once(ctx, args)
	if err != nil && redis.HasErrorPrefix(err, "NOSCRIPT") { // it has done nothing
		args[0], args[1] = "eval", script
		out, err = l.once(ctx, args)
	}
	if err == nil && len(out) != 1+3*len(charges) {
		err = fmt.Errorf("the script answers %d numbers", len(out))
	}
	if err != nil {
		if ctx.Err() == nil { // it was not the client who left
			l.breaker.trip()
		}
		return Decision{}, false
	}
	d := Decision{Allowed: out[0] == 1, Source: FromRedis, States: make([]State, len(charges))}
	for i, c := range charges {
		back, wait, lease := time.Duration(out[3*i+1])*time.Microsecond, time.Duration(out[3*i+2])*time.Microsecond, int(out[3*i+3])
		d.refuse(i, c, wait)
		d.States[i] = c.state(back, lease)
		l.learn(subject, c, back, lease)
	}
	return d, true
}

// once sends a command that the client library does not repeat: what has no answer may have been counted.
func (l *Limiter) once(ctx context.Context, args []any) ([]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, l.cfg.Timeout)
	defer cancel()
	cmd := redis.NewCmd(ctx, args...)
	if err := l.cfg.Redis.Process(ctx, once{cmd}); err != nil {
		return nil, err
	}
	return cmd.Int64Slice()
}

// once is a command that is sent once. By itself go-redis repeats whatever failed.
type once struct{ *redis.Cmd }

func (once) NoRetry() bool { return true }

func scriptHash() string {
	sum := sha1.Sum([]byte(script))
	return hex.EncodeToString(sum[:])
}
