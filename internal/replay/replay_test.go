package replay

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const lines = `InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
1001,A1,APPLE,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom
1001,a1,APPLE,4,2010-12-01 08:26:00,2.55,17850.0,United Kingdom
1001,B2,BELL,1,2010-12-01 08:26:00,0,17850.0,United Kingdom
1001,POST,POSTAGE,1,2010-12-01 08:26:00,18,17850.0,United Kingdom
C1002,A1,APPLE,-3,2010-12-01 09:00:00,2.55,17850.0,United Kingdom
1003,B2,BELL,-2,2010-12-01 09:10:00,0,,United Kingdom
1004,B2,BELL,5,2010-12-01 09:20:00,1,,Norway
1005,A1,APPLE,100,2010-12-01 09:30:00,2.75,12583.0,France
`

func read(t *testing.T, limit int) Invoices {
	t.Helper()
	path := filepath.Join(t.TempDir(), "lines.csv")
	if err := os.WriteFile(path, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	in, err := Read(path, limit)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func TestReadGroupsLinesAndSaysWhatItSkips(t *testing.T) {
	in := read(t, 4)
	if len(in.List) != 4 || in.Lines != 7 {
		t.Fatalf("%d invoices of %d lines", len(in.List), in.Lines)
	}
	sale, back, empty, guest := in.List[0], in.List[1], in.List[2], in.List[3]
	if !slices.Equal(sale.Lines, []Line{{"A1", 10}}) || sale.Customer != "17850" || sale.Back {
		t.Errorf("sale: %+v", sale)
	}
	if !slices.Equal(back.Lines, []Line{{"A1", 3}}) || !back.Back {
		t.Errorf("cancellation: %+v", back)
	}
	if len(empty.Lines) != 0 || guest.Customer != "" || guest.Country != "Norway" || guest.Lines[0].Quantity != 5 {
		t.Errorf("%+v, %+v", empty, guest)
	}
	if demand := in.Demand(); demand["A1"] != 10 || demand["B2"] != 5 || len(demand) != 2 {
		t.Errorf("demand: %v", demand)
	}
	if len(in.Products) != 2 || in.Products[0].Variants[0].Prices[0].Amount != 255 {
		t.Errorf("products, described by the whole file: %+v", in.Products)
	}
	var said []string
	for _, s := range in.Skipped {
		said = append(said, s.What+": "+s.Reason)
	}
	text := strings.Join(said, "\n")
	for _, want := range []string{"1001 B2: a price of 0", "1001 POST: postage", "1003 B2: a quantity of 0 or less", "1003: an invoice with no line left"} {
		if !strings.Contains(text, want) {
			t.Errorf("nothing said of %q in:\n%s", want, text)
		}
	}
}

func TestTheJournalSurvivesATornLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "replay", "j.jsonl")
	j, err := openJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []record{{Invoice: "1", Cart: "crt_1"}, {Invoice: "1", Order: "ord_1"},
		{Invoice: "C2", Returns: []takingBack{{Order: "ord_1", Lines: []Line{{"A1", 3}}}}}, {Invoice: "C2", Done: true}} {
		if err := j.write(r); err != nil {
			t.Fatal(err)
		}
	}
	j.close()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString(`{"invoice":"3","cart":"cr`)
	f.Close()
	for range 2 { // what is written behind the torn line is read too
		if j, err = openJournal(path); err != nil {
			t.Fatal(err)
		}
		if r := j.of("1"); r.Cart != "crt_1" || r.Order != "ord_1" {
			t.Errorf("invoice 1: %+v", r)
		}
		if r := j.of("C2"); !r.Done || len(r.Returns) != 1 || r.Returns[0].Lines[0].Quantity != 3 {
			t.Errorf("invoice C2: %+v", r)
		}
		if err := j.write(record{Invoice: "3", Cart: "crt_3"}); err != nil {
			t.Fatal(err)
		}
		j.close()
	}
	if j, err = openJournal(path); err != nil || j.of("3").Cart != "crt_3" {
		t.Errorf("invoice 3: %+v, %v", j.of("3"), err)
	}
	j.close()
}

func TestACancellationTakesFromTheLatestEarlierOrder(t *testing.T) {
	l := newLedger()
	l.add(Invoice{Index: 0, Customer: "7", Lines: []Line{{"A", 5}}}, "first")
	l.add(Invoice{Index: 2, Customer: "7", Lines: []Line{{"A", 2}, {"B", 1}}}, "second")
	l.add(Invoice{Index: 4, Customer: "7", Lines: []Line{{"A", 9}}}, "later")
	l.add(Invoice{Index: 1, Lines: []Line{{"A", 9}}}, "guest's")
	back := Invoice{Index: 3, Customer: "7", Back: true}
	found := l.before(back, "A")
	if len(found) != 2 || found[0].order != "second" || found[1].order != "first" {
		t.Fatalf("found %+v", found)
	}
	if n := l.take(found[0], "A", 4); n != 2 {
		t.Errorf("took %d of the 2 that are left", n)
	}
	l.taken(back, []takingBack{{Order: "first", Lines: []Line{{"A", 5}}}})
	if left := l.before(back, "A"); len(left) != 0 {
		t.Errorf("all was taken, but %+v is left", left)
	}
}
