package catalogue

import (
	"bytes"
	"compress/gzip"
	"slices"
	"strings"
	"testing"

	"storefront/internal/errs"
	"storefront/internal/money"
)

const shopifyRows = `Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Option2 Name,Option2 Value,Variant SKU,Variant Grams,Variant Inventory Qty,Variant Price,Variant Compare At Price,Variant Barcode,Image Src,Image Alt Text,Variant Image
sea-jar,Sea Jar,"<p>A jar, blue.</p>",Kiln,Jars,"glass, blue",true,Size,Small,Lid,Cork,,250,3,9.99,12,4006381333931,https://img.example/a.jpg,A jar,https://img.example/small.jpg
sea-jar,,,,,,,,Large,,Cork,JAR-L,400.4,0,15.995,,,https://img.example/b.jpg,,
sea-jar,,,,,,,,,,,,,,,,,https://img.example/c.jpg,,
oak-tray,Oak Tray,,Kiln,,,false,Title,Default Title,,,JAR-L,0,-4,50,40,,,,
oak-tray,,,,,,,,,,,,,,,,,,,
no-price,No Price,,,,,true,Title,Default Title,,,,,,free,,,,,
,,,,,,,,,,,,,,5,,,,,
`

func TestShopifyRowsBecomeProducts(t *testing.T) {
	f, err := Read("shop.csv", strings.NewReader("\ufeff"+shopifyRows), Options{Currency: "GBP"})
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Products) != 2 || f.Rows != 7 || !f.HasStock {
		t.Fatalf("%d products of %d rows: %+v", len(f.Products), f.Rows, f.Products)
	}
	jar := f.Products[0]
	if jar.Title != "Sea Jar" || jar.Status != "ACTIVE" || jar.DescriptionHTML != "<p>A jar, blue.</p>" || !slices.Equal(jar.Tags, []string{"glass", "blue"}) ||
		!slices.Equal(jar.Collections, []string{"Jars"}) || len(jar.Media) != 3 || jar.Media[0].Alt != "A jar" || jar.Row != 2 {
		t.Errorf("jar: %+v", jar)
	}
	if len(jar.Options) != 2 || !slices.Equal(jar.Options[0].Values, []string{"Small", "Large"}) || !slices.Equal(jar.Options[1].Values, []string{"Cork"}) {
		t.Errorf("options: %+v", jar.Options)
	}
	small, large := jar.Variants[0], jar.Variants[1]
	if small.SKU != "sea-jar-small-cork" || small.Prices[0] != money.New(999, "GBP") || small.CompareAtPrices[0] != money.New(1200, "GBP") ||
		small.Grams != 250 || small.Stock != 3 || small.Barcode != "4006381333931" || small.ImageURL != "https://img.example/small.jpg" {
		t.Errorf("small: %+v", small)
	}
	if large.SKU != "JAR-L" || large.Prices[0] != money.New(1600, "GBP") || large.Grams != 400 || large.Stock != 0 || large.CompareAtPrices != nil {
		t.Errorf("large: %+v", large)
	}
	tray := f.Products[1]
	if tray.Status != "DRAFT" || len(tray.Variants) != 1 || tray.Variants[0].SKU != "oak-tray" || len(tray.Options) != 0 || tray.Variants[0].CompareAtPrices != nil {
		t.Errorf("tray, whose SKU was taken: %+v", tray)
	}
	var rows []int
	for _, s := range f.Skipped {
		rows = append(rows, s.Row)
	}
	slices.Sort(rows)
	if !slices.Equal(rows, []int{6, 7, 7, 8}) {
		t.Errorf("skipped: %+v", f.Skipped)
	}
}

func TestElectronicsWithOneNameGetHandlesInOrder(t *testing.T) {
	text := `[
	{"name":"Wall Charger & Cable","description":"5 < 10 W","brand":"Volt","categories":["Phones","Chargers"],"price":9.99,"image":"https://img.example/1.jpg","popularity":7},
	{"name":"Wall Charger & Cable","brand":"Volt","categories":[],"price":12},
	{"name":"","price":3},
	{"name":"Free thing","price":0},
	"nothing"]`
	f, err := Read("e.json", strings.NewReader(text), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Products) != 2 || len(f.Skipped) != 3 || f.Rows != 5 {
		t.Fatalf("%+v", f)
	}
	a, b := f.Products[0], f.Products[1]
	if a.Handle != "wall-charger-cable" || b.Handle != "wall-charger-cable-2" || a.Variants[0].SKU != "wall-charger-cable" || b.Variants[0].SKU != "wall-charger-cable-2" {
		t.Errorf("handles %s, %s", a.Handle, b.Handle)
	}
	if a.ProductType != "Chargers" || a.DescriptionHTML != "<p>5 &lt; 10 W</p>" || a.Variants[0].Prices[0] != money.New(999, "USD") || *a.Popularity != 7 {
		t.Errorf("%+v", a)
	}
	if g := a.Variants[0].Grams; g < 100 || g > 799 {
		t.Errorf("a weight of %d g", g)
	}
}

const retailRows = `InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
536365,85123A,WHITE HEART HOLDER,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom
536366,85123a,CREAM HEART HOLDER,6,2010-12-01 08:28:00,2.95,17850.0,United Kingdom
536367,85123A,WHITE HEART HOLDER,2,2010-12-01 08:34:00,2.95,,United Kingdom
536368,85123A,wrong code,-5,2010-12-01 08:34:00,0,,United Kingdom
536369,POST,POSTAGE,1,2010-12-01 08:45:00,18,12583.0,France
536370,22139,,5,2010-12-01 08:45:00,0,,United Kingdom
536371,gift_0001_20,Voucher,1,2010-12-01 08:45:00,16.67,,United Kingdom
536372,22222,A LAMP,many,2010-12-01 08:45:00,1,,United Kingdom
`

func TestRetailCodesBecomeProducts(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write([]byte(retailRows))
	z.Close()
	f, err := Read("retail.csv.gz", &packed, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Products) != 1 || f.Rows != 8 {
		t.Fatalf("%d products of %d rows", len(f.Products), f.Rows)
	}
	p := f.Products[0]
	if p.Title != "WHITE HEART HOLDER" || p.Variants[0].SKU != "85123A" || p.Variants[0].Prices[0] != money.New(295, "GBP") || p.Handle != "85123a" {
		t.Errorf("commonest description and price: %+v", p)
	}
	reasons := map[int]string{}
	for _, s := range f.Skipped {
		reasons[s.Row] = s.Reason
	}
	for row, want := range map[int]string{6: "postage", 7: "no line with a price", 8: "voucher", 9: "no whole number"} {
		if !strings.Contains(reasons[row], want) {
			t.Errorf("row %d: %q, want %q", row, reasons[row], want)
		}
	}
}

func TestAFileThatIsNoneOfThemSaysWhatItShouldBe(t *testing.T) {
	for _, text := range []string{"", "a,b\n1,2\n", "{}"} {
		_, err := Read("x", strings.NewReader(text), Options{})
		if !errs.Is(err, errs.BadInput) || !strings.Contains(err.Error(), "Shopify") {
			t.Errorf("%q: %v", text, err)
		}
	}
	_, err := Read("cut.json", strings.NewReader(`[{"name":"A","price":1},{"na`), Options{})
	if !errs.Is(err, errs.BadInput) || !strings.Contains(err.Error(), "entry 2") {
		t.Errorf("a file that breaks off: %v", err)
	}
}

func TestPrices(t *testing.T) {
	for text, want := range map[string]int64{"9.99": 999, "50": 5000, "0.001": 0, "0.005": 1, "1,234.50": 123450, ".5": 50, "-2.345": -235} {
		if got, err := price(text, "GBP"); err != nil || got.Amount != want {
			t.Errorf("%s: %v, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "free", "1.2.3"} {
		if got, err := price(text, "GBP"); err == nil {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
	if got, _ := price("1200", "JPY"); got.Amount != 1200 {
		t.Errorf("yen: %v", got)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(shopifyRows)
	f.Add(retailRows)
	f.Add(`[{"name":"A","price":1}]`)
	f.Fuzz(func(t *testing.T, text string) {
		file, err := Read("fuzz", strings.NewReader(text), Options{})
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, p := range file.Products {
			if p.Handle == "" || seen[p.Handle] || len(p.Variants) == 0 {
				t.Fatalf("product %+v", p)
			}
			seen[p.Handle] = true
			for _, v := range p.Variants {
				if v.SKU == "" || len(v.SKU) > 100 {
					t.Fatalf("variant %+v", v)
				}
			}
		}
	})
}
