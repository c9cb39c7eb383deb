// Package postal is a postal address, as carts, orders, address books and shipments keep it, and what a mail
// address is (email.go). Whether a parcel would arrive there is shipping's to say.
package postal

// Address is a postal address; Country is ISO 3166-1 alpha-2, all else is as its country writes it.
type Address struct {
	Name       string `bson:"name,omitempty" json:"name,omitempty"`
	Company    string `bson:"company,omitempty" json:"company,omitempty"`
	Line1      string `bson:"line1,omitempty" json:"line1,omitempty"`
	Line2      string `bson:"line2,omitempty" json:"line2,omitempty"`
	City       string `bson:"city,omitempty" json:"city,omitempty"`
	Region     string `bson:"region,omitempty" json:"region,omitempty"`
	PostalCode string `bson:"postalCode,omitempty" json:"postalCode,omitempty"`
	Country    string `bson:"country" json:"country"`
	Phone      string `bson:"phone,omitempty" json:"phone,omitempty"`
}
