package redistest

import "testing"

func TestEachTestHasItsOwn(t *testing.T) {
	one, other := Client(t), Client(t)
	if err := one.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if n, err := other.Exists(t.Context(), "k").Result(); err != nil || n != 0 {
		t.Errorf("what one test wrote is %d times in the other's (%v)", n, err)
	}
}

func TestIsEmptyWhenTakenAgain(t *testing.T) {
	for range 2 * databases { // more often than there are databases: each is given back
		t.Run("", func(t *testing.T) {
			c := Client(t)
			if n, err := c.Exists(t.Context(), "k").Result(); err != nil || n != 0 {
				t.Errorf("something is left (%v)", err)
			}
			if err := c.Set(t.Context(), "k", "v", 0).Err(); err != nil {
				t.Error(err)
			}
		})
	}
}
