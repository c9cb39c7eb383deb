package progress

import (
	"strings"
	"testing"
)

func TestOneLinePerTenthWithoutATerminal(t *testing.T) {
	var out strings.Builder
	b := New(&out, false, "products", 250)
	for range 250 {
		b.Add(1)
	}
	b.Done()
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 10 || lines[0] != "products: 25 of 250 (10 %)" || lines[9] != "products: 250 of 250 (100 %)" {
		t.Errorf("lines:\n%s", out.String())
	}
}

func TestATerminalGetsOneLineThatIsRedrawn(t *testing.T) {
	var out strings.Builder
	b := New(&out, true, "orders", 4)
	b.Set(4, "2 rejected")
	b.Done()
	got := out.String()
	if strings.Count(got, "\n") != 1 || !strings.Contains(got, "[==============================] 4/4, 2 rejected") {
		t.Errorf("drawn: %q", got)
	}
}

func TestAnUnfinishedWorkSaysWhereItStopped(t *testing.T) {
	var out strings.Builder
	b := New(&out, false, "lines", 100)
	b.Add(7)
	b.Done()
	if got := out.String(); got != "lines: 7 of 100 (7 %)\n" {
		t.Errorf("printed %q", got)
	}
}
