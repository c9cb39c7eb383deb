package gateway

import (
	"testing"

	"storefront/router/operation"
)

// What every request does costs no memory of its own, and gives back what it took once.
func TestAdmittingCostsNoMemory(t *testing.T) {
	var overload Overload
	overload.defaults()
	g := &Gateway{cfg: Config{Overload: overload}, admission: newAdmission(overload, 1), observer: NopObserver{}}
	l := &lane{limit: float64(overload.Max)}
	j, c := &job{prepared: &prepared{op: &operation.Operation{}, lanes: []*lane{l}}}, &caller{id: &Identity{}}
	if n := testing.AllocsPerRun(100, func() {
		if f := g.admit(c, j); f != nil {
			t.Fatal(f.errors)
		}
		j.ran()
		j.left()
		j.left()
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
	if l.total() != 0 || g.admission.all.total() != 0 {
		t.Errorf("%d are under way to the subgraph, and %d altogether", l.total(), g.admission.all.total())
	}
}
