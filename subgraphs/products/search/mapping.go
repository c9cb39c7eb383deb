package search

import (
	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/analysis/analyzer/custom"
	"github.com/blevesearch/bleve/v2/analysis/analyzer/keyword"
	"github.com/blevesearch/bleve/v2/analysis/char/asciifolding"
	"github.com/blevesearch/bleve/v2/analysis/lang/en"
	"github.com/blevesearch/bleve/v2/analysis/token/lowercase"
	"github.com/blevesearch/bleve/v2/analysis/tokenizer/unicode"
	"github.com/blevesearch/bleve/v2/mapping"
)

// The analyzers: stems of words for finding, and the words themselves for prefixes and completions.
const (
	stems = "stems"
	words = "words"
)

// attributeGap stands between an attribute's name and its value in one term.
const attributeGap = "\x1f"

// newMapping says what is indexed how: text to find by, keywords to filter and count by, numbers for
// ranges, and strings that sort as what they stand for. Nothing is stored: products are read elsewhere.
func newMapping() (mapping.IndexMapping, error) {
	m := bleve.NewIndexMapping()
	m.StoreDynamic = false
	m.DefaultAnalyzer = keyword.Name
	m.ScoringModel = "bm25"
	analyzers := map[string][]any{
		stems: {lowercase.Name, en.PossessiveName, en.StopName, en.SnowballStemmerName},
		words: {lowercase.Name, en.PossessiveName},
	}
	for name, filters := range analyzers {
		err := m.AddCustomAnalyzer(name, map[string]any{
			"type": custom.Name, "char_filters": []any{asciifolding.Name}, "tokenizer": unicode.Name, "token_filters": filters,
		})
		if err != nil {
			return nil, err
		}
	}
	doc := bleve.NewDocumentStaticMapping()
	for field, analyzer := range map[string]string{"title": stems, "vendorText": stems, "more": stems, "description": stems, "words": words} {
		f := mapping.NewTextFieldMapping()
		f.Analyzer, f.Store, f.IncludeTermVectors, f.IncludeInAll, f.DocValues = analyzer, false, false, false, false
		doc.AddFieldMappingsAt(field, f)
	}
	for _, field := range []string{"sku", "vendor", "productType", "tag", "collection", "attribute", "status", "inStock"} {
		f := mapping.NewKeywordFieldMapping()
		f.Store, f.IncludeTermVectors, f.IncludeInAll, f.DocValues = false, false, false, true
		doc.AddFieldMappingsAt(field, f)
	}
	rating := mapping.NewNumericFieldMapping()
	rating.Store, rating.IncludeInAll = false, false
	doc.AddFieldMappingsAt("rating", rating)
	for _, part := range []string{"prices", "lowest", "sort"} { // currencies are not known beforehand
		doc.AddSubDocumentMapping(part, bleve.NewDocumentMapping())
	}
	all := bleve.NewDocumentDisabledMapping()
	doc.AddSubDocumentMapping("_all", all)
	m.DefaultMapping = doc
	return m, m.Validate()
}
