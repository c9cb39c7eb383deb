package main

import "strconv"

// record is an object of a service: its type, and what its fields are.
type record struct {
	typ    string
	fields map[string]any // text, int, bool, nil, *record or []*record
}

// text is a string as JSON, with its quotes.
type text []byte

func quote(s string) text { return strconv.AppendQuote(nil, s) } // ours are plain

// tables are all records, by type and key.
type tables struct {
	users    []*record
	products []*record
	byKey    map[string]*record // "User 1"
}

// newTables makes 6 people and 9 products with 23 reviews between them, which gives the joined
// query an answer of about 87 KB.
func newTables() *tables {
	t := &tables{byKey: map[string]*record{}}
	people := [][2]string{{"Uri Goldshtein", "urigo"}, {"Dorothea Okonkwo", "dorothea"}, {"Kamil Szczepanski", "kamil"},
		{"Ines Figueiredo", "ines_f"}, {"Bertrand Lacombe", "lacombe"}, {"Yuki Hoshino", "hoshi"}}
	for i, p := range people {
		u := &record{"User", map[string]any{"id": quote(digit(i + 1)), "name": quote(p[0]), "username": quote(p[1]), "birthday": 1970 + 3*i, "reviews": []*record(nil)}}
		t.users = append(t.users, u)
		t.byKey["User "+digit(i+1)] = u
	}
	articles := []string{"Table", "Couch", "Glass", "Chair", "TV", "Lamp", "Grill", "Fridge", "Sofa"}
	for i, name := range articles {
		price := 100 + 173*i%1400
		weight := 10 + 90*i%1000
		p := &record{"Product", map[string]any{"upc": quote(digit(i + 1)), "name": quote(name), "price": price, "weight": weight, "inStock": i%3 != 1, "reviews": []*record(nil)}}
		t.products = append(t.products, p)
		t.byKey["Product "+digit(i+1)] = p
	}
	reviews := []struct {
		author, product int
		body            string
	}{
		{0, 0, "Love it! It is everything that I hoped it would be, and the delivery was quick as well."},
		{0, 1, "Too expensive for what it is."},
		{0, 2, "Could be better, could be a good deal worse."},
		{1, 0, "Prefer something else, but nobody in the house agrees with me about it."},
		{1, 2, "It broke within a week and was replaced within a day."},
		{2, 0, "A fair price, a fair product."},
		{2, 3, "Sturdy. My neighbours have asked where I got mine."},
		{3, 1, "The colour is not the one in the picture."},
		{3, 4, "Quiet, quick and easy to clean. I would buy it again."},
		{4, 0, "Came with a scratch, which nobody but me will ever see."},
		{5, 2, "A present for my sister. She writes that she likes it."},
		{1, 5, "Bright enough to read by, dim enough to sleep by."},
		{2, 1, "Two people carry it up three floors, if they must."},
		{3, 6, "Heats up in a quarter of an hour and keeps it."},
		{4, 1, "My cat has taken it over. I cannot say more about it."},
		{5, 7, "It hums a little at night."},
		{0, 3, "Assembled in an hour with one screw to spare, which worries me."},
		{1, 4, "The remote is better than the set."},
		{2, 8, "As soft as it looks."},
		{4, 2, "Holds a quarter of a litre, not a third."},
		{5, 0, "We eat at it, work at it and, lately, play table tennis on it."},
		{3, 2, "Rings when you tap it."},
		{4, 6, "One of the legs came off in the rain."},
	}
	for i, r := range reviews {
		author, product := t.users[r.author], t.products[r.product]
		review := &record{"Review", map[string]any{"id": quote(digit(i + 1)), "body": quote(r.body), "author": author, "product": product}}
		t.byKey["Review "+digit(i+1)] = review
		author.fields["reviews"] = append(author.fields["reviews"].([]*record), review)
		author.fields["numberOfReviews"] = len(author.fields["reviews"].([]*record))
		product.fields["reviews"] = append(product.fields["reviews"].([]*record), review)
	}
	return t
}

func digit(i int) string {
	if i < 10 {
		return string(rune('0' + i))
	}
	return string(rune('0'+i/10)) + string(rune('0'+i%10))
}
