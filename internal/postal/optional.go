package postal

// In GraphQL a part that an address does not have is null, never "": gqlgen.yml binds the output type's
// fields to these methods.

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func (a Address) OptionalName() *string       { return optional(a.Name) }
func (a Address) OptionalCompany() *string    { return optional(a.Company) }
func (a Address) OptionalLine1() *string      { return optional(a.Line1) }
func (a Address) OptionalLine2() *string      { return optional(a.Line2) }
func (a Address) OptionalCity() *string       { return optional(a.City) }
func (a Address) OptionalRegion() *string     { return optional(a.Region) }
func (a Address) OptionalPostalCode() *string { return optional(a.PostalCode) }
func (a Address) OptionalPhone() *string      { return optional(a.Phone) }
