package main

// Who uses which fields: what the router writes down of it, as far as it has a database.

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"storefront/internal/usage"
)

// UsageFlags are how much is kept of who uses what.
type UsageFlags struct {
	UsageDays int `flag:"usage-days" env:"STOREFRONT_USAGE_DAYS" default:"90" max:"3650" help:"for how many days it is kept in MongoDB which clients use which fields, for 'storefront usage'; 0 keeps nothing"`
	UsageMost int `flag:"max-usage" env:"STOREFRONT_MAX_USAGE" default:"10000" max:"1000000" help:"operations of clients that one router tells apart in a day, and as many names in their variables; of more, only the fields count"`
}

// usageEvery is how often a router writes down what was used.
const usageEvery = time.Minute

// openUsage opens where a router writes down what is used; nil for nowhere.
func (f UsageFlags) openUsage(ctx context.Context, db *mongo.Database) (*usage.Store, error) {
	if f.UsageDays == 0 {
		return nil, nil
	}
	return usage.NewStore(ctx, db, time.Duration(f.UsageDays)*24*time.Hour)
}

// recordUsage begins to count what is used. stop writes the last of it down.
func (c routerConfig) recordUsage() (recorder *usage.Recorder, stop func()) {
	recorder = usage.NewRecorder(usage.RecorderConfig{Add: c.usage.Add, Most: c.UsageMost, Every: usageEvery, Now: time.Now, Log: c.log})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		recorder.Run(ctx)
	}()
	return recorder, func() {
		cancel()
		<-done
	}
}
