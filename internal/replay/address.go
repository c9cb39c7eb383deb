package replay

import "strconv"

// destination is the input of cartAddressSet.
type destination struct {
	Name       string `json:"name"`
	Line1      string `json:"line1"`
	City       string `json:"city,omitempty"`
	Region     string `json:"region,omitempty"`
	PostalCode string `json:"postalCode,omitempty"`
	Country    string `json:"country"`
}

// places gives each country of the file a place there that its postal rules accept; streets and numbers
// are made up.
var places = map[string]destination{
	"United Kingdom":       {Line1: "Mill Lane", City: "LONDON", PostalCode: "EC1Y 8SY", Country: "GB"},
	"Germany":              {Line1: "Lindenweg", City: "Berlin", PostalCode: "10115", Country: "DE"},
	"France":               {Line1: "Rue du Moulin", City: "Paris", PostalCode: "75001", Country: "FR"},
	"EIRE":                 {Line1: "Harbour Road", City: "Dublin", PostalCode: "D02 X285", Country: "IE"},
	"Spain":                {Line1: "Calle Nueva", City: "Madrid", Region: "M", PostalCode: "28001", Country: "ES"},
	"Netherlands":          {Line1: "Molenstraat", City: "Amsterdam", PostalCode: "1012 AB", Country: "NL"},
	"Belgium":              {Line1: "Rue Haute", City: "Bruxelles", PostalCode: "1000", Country: "BE"},
	"Switzerland":          {Line1: "Seestrasse", City: "Zürich", PostalCode: "8001", Country: "CH"},
	"Portugal":             {Line1: "Rua Nova", City: "Lisboa", PostalCode: "1100-148", Country: "PT"},
	"Australia":            {Line1: "Wattle Street", City: "SYDNEY", Region: "NSW", PostalCode: "2000", Country: "AU"},
	"Norway":               {Line1: "Fjordveien", City: "Oslo", PostalCode: "0150", Country: "NO"},
	"Italy":                {Line1: "Via del Forno", City: "Roma", Region: "RM", PostalCode: "00118", Country: "IT"},
	"Channel Islands":      {Line1: "Bay Road", City: "ST HELIER", PostalCode: "JE2 3AB", Country: "JE"},
	"Finland":              {Line1: "Koivutie", City: "Helsinki", PostalCode: "00100", Country: "FI"},
	"Cyprus":               {Line1: "Olive Street", City: "Nicosia", PostalCode: "1010", Country: "CY"},
	"Sweden":               {Line1: "Björkgatan", City: "Stockholm", PostalCode: "111 20", Country: "SE"},
	"Austria":              {Line1: "Lindengasse", City: "Wien", PostalCode: "1010", Country: "AT"},
	"Denmark":              {Line1: "Havnegade", City: "København K", PostalCode: "1050", Country: "DK"},
	"Japan":                {Line1: "Marunouchi 1-1", City: "Chiyoda-ku", Region: "13", PostalCode: "100-0005", Country: "JP"},
	"Poland":               {Line1: "ul. Lipowa", City: "Warszawa", PostalCode: "00-001", Country: "PL"},
	"Israel":               {Line1: "Olive Street", City: "Tel Aviv", PostalCode: "6100000", Country: "IL"},
	"USA":                  {Line1: "Maple Avenue", City: "New York", Region: "NY", PostalCode: "10001", Country: "US"},
	"Hong Kong":            {Line1: "Harbour Road", City: "Wan Chai", Region: "Hong Kong Island", Country: "HK"},
	"Singapore":            {Line1: "Orchard Lane", City: "Singapore", PostalCode: "018956", Country: "SG"},
	"Iceland":              {Line1: "Hafnargata", City: "Reykjavík", PostalCode: "101", Country: "IS"},
	"Canada":               {Line1: "Maple Street", City: "Toronto", Region: "ON", PostalCode: "M5H 2N2", Country: "CA"},
	"Greece":               {Line1: "Elaion", City: "Athens", PostalCode: "105 57", Country: "GR"},
	"Malta":                {Line1: "Triq il-Port", City: "Valletta", PostalCode: "VLT 1117", Country: "MT"},
	"United Arab Emirates": {Line1: "Palm Street", City: "Dubai", Region: "DU", Country: "AE"},
	"RSA":                  {Line1: "Protea Street", City: "Johannesburg", PostalCode: "2000", Country: "ZA"},
	"Lebanon":              {Line1: "Cedar Street", City: "Beirut", PostalCode: "2038 3054", Country: "LB"},
	"Lithuania":            {Line1: "Liepų g.", City: "Vilnius", PostalCode: "01103", Country: "LT"},
	"Brazil":               {Line1: "Rua das Flores", City: "São Paulo", Region: "SP", PostalCode: "01310-100", Country: "BR"},
	"Czech Republic":       {Line1: "Lipová", City: "Praha 1", PostalCode: "110 00", Country: "CZ"},
	"Bahrain":              {Line1: "Pearl Road", City: "Manama", PostalCode: "317", Country: "BH"},
	"Saudi Arabia":         {Line1: "Palm Street", City: "Riyadh", PostalCode: "11564", Country: "SA"},
}

// addressOf is where an invoice's goods go. A country that the file does not tell is the shop's own.
func addressOf(i Invoice) destination {
	a, ok := places[i.Country]
	if !ok {
		a = places["United Kingdom"]
	}
	a.Name = "Customer " + i.Customer
	if i.Customer == "" {
		a.Name = "Guest of invoice " + i.Number
	}
	a.Line1 += " " + strconv.Itoa(1+int(hashOf(i.Customer+i.Number[len(i.Number)-2:])%180))
	return a
}
