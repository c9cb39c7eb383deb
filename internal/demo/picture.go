package demo

import (
	"fmt"
	"strconv"
	"strings"
)

// palette is what colours are called and look like.
var palette = map[string]string{
	"Sand": "#d9c3a0", "Moss": "#7a8b5a", "Ink": "#34465f", "Clay": "#c1694f", "Chalk": "#f3eee4", "Rust": "#b5532d",
	"Sky": "#86b3d1", "Sun": "#e8b64c", "Rose": "#d99a9b", "Slate": "#6b7682", "Night": "#2b2f39", "Mint": "#9cc9b0",
	"Oak": "#c79a63", "Walnut": "#7b5233", "Brass": "#c9a24b", "Steel": "#a9b1b8", "Plum": "#7d4a66", "Cream": "#f2e2c0",
}

// grounds are soft colours behind things, two per collection.
var grounds = [][2]string{
	{"#f7e9d2", "#efd3ac"}, {"#dfeaee", "#bdd3dc"}, {"#efe3dc", "#dcc3b6"}, {"#e4e6ee", "#c5cadb"},
	{"#f3e7d3", "#dfcaa2"}, {"#e6ece2", "#c7d6bf"}, {"#e3efdc", "#c0d8b0"}, {"#e9e4ee", "#cdc2db"},
}

func background(collection, n int) string {
	g := grounds[collection%len(grounds)]
	return fmt.Sprintf(`<radialGradient id="g" cx="%d%%" cy="28%%" r="95%%"><stop offset="0" stop-color="%s"/><stop offset="1" stop-color="%s"/></radialGradient>`,
		35+n*4, g[0], g[1])
}

// draw makes the picture of one thing in one colour, 800 by 800.
func draw(art, colour, behind string) string {
	c := palette[colour]
	shape := strings.NewReplacer("{c}", c, "{d}", shade(c, -0.22), "{D}", shade(c, -0.42), "{l}", shade(c, 0.28), "{s}", sheen).Replace(drawings[art])
	return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 400" width="800" height="800"><defs>` + behind +
		`<linearGradient id="s" x1="0" x2="1"><stop offset="0" stop-color="#fff" stop-opacity=".38"/><stop offset=".4" stop-color="#fff" stop-opacity="0"/><stop offset="1" stop-color="#000" stop-opacity=".16"/></linearGradient>` +
		`<filter id="b" x="-50%" y="-200%" width="200%" height="500%"><feGaussianBlur stdDeviation="9"/></filter></defs>` +
		`<rect width="400" height="400" fill="url(#g)"/><rect y="318" width="400" height="82" fill="#fff" opacity=".22"/>` +
		`<ellipse cx="205" cy="330" rx="112" ry="13" fill="#3a2f28" opacity=".32" filter="url(#b)"/>` + shape + `</svg>`
}

const sheen = `fill="url(#s)"`

// shade makes a colour lighter (above 0) or darker (below 0).
func shade(hex string, by float64) string {
	n, _ := strconv.ParseUint(strings.TrimPrefix(hex, "#"), 16, 32)
	part := func(shift uint) int {
		v := float64(n >> shift & 255)
		if by > 0 {
			return int(v + (255-v)*by)
		}
		return int(v * (1 + by))
	}
	return fmt.Sprintf("#%02x%02x%02x", part(16), part(8), part(0))
}
