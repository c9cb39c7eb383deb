package main

// Products and stock from files, as whoever fills a shop meets them.

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestImportPutsEachSKUOnStockOnce(t *testing.T) {
	h := theShop(t)
	staff := h.signIn(t, "sam")
	imports := func(name, rows string, want ...string) {
		t.Helper()
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, []byte("Handle,Title,Variant SKU,Variant Price,Variant Inventory Qty\n"+rows), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := storefront(t.Context(), "import", file, "--data-dir", h.dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !strings.Contains(strings.Join(strings.Fields(out), " "), w) {
				t.Errorf("%s: it says\n%s\nand not %q", name, out, w)
			}
		}
	}
	has := func(sku string, units int) {
		t.Helper()
		if a := staff.ask(t, `query($sku: String!) { stockItem(sku: $sku) { onHand } }`, vars{"sku": sku}); a.num("stockItem.onHand") != units {
			t.Errorf("%s: %s, want %d on hand", sku, a, units)
		}
	}
	const tea = "import-tea,Tea,IMPORT-TEA,3.00,7\n"
	imports("monday.csv", tea, "created 1", "stock for 1 SKUs")
	imports("monday.csv", tea, "unchanged 1")
	imports("tuesday.csv", tea, "unchanged 1") // the same, saved again
	has("IMPORT-TEA", 7)
	// Another file of the same name: what is new in it gets stock, and what is there keeps its own. The cup is refused,
	// because the tea has its SKU, and adds nothing to the tea.
	imports("monday.csv", "import-tea,Tea,IMPORT-TEA,3.00,5\nimport-pot,Pot,IMPORT-POT,9.00,4\n", "created 1", "stock for 1 SKUs", "kept as is 1 SKUs")
	imports("cups.csv", "import-cup,Cup,IMPORT-TEA,4.00,50\n", "created 0", "skipped 1")
	has("IMPORT-TEA", 7)
	has("IMPORT-POT", 4)
}
