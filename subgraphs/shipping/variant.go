package shipping

// Variant is what shipping knows of a SKU: its weight, which products tells it.
type Variant struct {
	SKU   string
	Grams int
}

// IsEntity marks Variant as an entity of the graph.
func (Variant) IsEntity() {}
