package loaders_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"storefront/loaders"
)

// One read answers what several callers ask at once, and a key is read once per request.
func TestLoaderBatchesAndRemembers(t *testing.T) {
	var mu sync.Mutex
	var calls [][]int
	l := loaders.New(func(_ context.Context, keys []int) (map[int]string, error) {
		mu.Lock()
		defer mu.Unlock()
		calls = append(calls, keys)
		found := map[int]string{}
		for _, k := range keys {
			if k%2 == 0 {
				found[k] = "even"
			}
		}
		return found, nil
	}, loaders.Options{MaxBatch: 10})

	keys := make([]int, 25)
	for i := range keys {
		keys[i] = i
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			values, found, err := l.LoadMany(t.Context(), keys)
			if err != nil {
				t.Error(err)
				return
			}
			for i := range keys {
				if found[i] != (i%2 == 0) || found[i] && values[i] != "even" {
					t.Errorf("key %d: got %q, %v", i, values[i], found[i])
				}
			}
		})
	}
	wg.Wait()
	if _, ok, err := l.Load(t.Context(), 24); !ok || err != nil {
		t.Fatalf("Load(24) = %v, %v", ok, err)
	}
	var read []int
	for _, c := range calls {
		if len(c) > 10 {
			t.Errorf("a batch of %d keys, want at most 10", len(c))
		}
		read = append(read, c...)
	}
	slices.Sort(read)
	if !slices.Equal(read, keys) {
		t.Errorf("read %v, want each of 0 to 24 once", read)
	}
}

// An error reaches every caller and is not remembered; a panic in a read is an error.
func TestLoaderForgetsErrors(t *testing.T) {
	failure := errors.New("away")
	var calls atomic.Int32
	l := loaders.New(func(_ context.Context, keys []string) (map[string]int, error) {
		switch calls.Add(1) {
		case 1:
			return nil, failure
		case 2:
			panic("broken")
		}
		return map[string]int{keys[0]: 7}, nil
	}, loaders.Options{})
	if _, _, err := l.Load(t.Context(), "a"); !errors.Is(err, failure) {
		t.Fatalf("first Load: %v, want the batch's error", err)
	}
	if _, _, err := l.Load(t.Context(), "a"); err == nil {
		t.Fatal("second Load: want the panic as an error")
	}
	if v, ok, err := l.Load(t.Context(), "a"); v != 7 || !ok || err != nil {
		t.Fatalf("third Load = %d, %v, %v", v, ok, err)
	}
}

// A batch that nobody waits for any more is cancelled, and one that somebody waits for is not.
func TestLoaderCancelsWhenAllHaveLeft(t *testing.T) {
	started, cancelled := make(chan struct{}), make(chan struct{})
	l := loaders.New(func(ctx context.Context, keys []string) (map[string]int, error) {
		close(started)
		<-ctx.Done()
		close(cancelled)
		return nil, ctx.Err()
	}, loaders.Options{})
	first, leaveFirst := context.WithCancel(t.Context())
	second, leaveSecond := context.WithCancel(t.Context())
	results := make(chan error, 2)
	for _, ctx := range []context.Context{first, second} {
		go func() {
			_, _, err := l.Load(ctx, "a")
			results <- err
		}()
	}
	<-started
	leaveFirst()
	if err := <-results; !errors.Is(err, context.Canceled) {
		t.Fatalf("the one who left got %v", err)
	}
	select {
	case <-cancelled:
		t.Fatal("the batch was cancelled while somebody waited")
	default:
	}
	leaveSecond()
	<-results
	<-cancelled
}
