package demo

// collections is the whole catalogue, in the order in which it is shown.
func collections() []collection {
	return []collection{lighting(), kitchen(), living(), wardrobe(), bags(), desk(), garden(), sound()}
}

func lighting() collection {
	return collection{"Lighting", []item{
		{"LUM-HALO", "Halo Table Lamp", "Lumen & Sons", "Table lamp", "lamp", 7900, 1850, 40, "Sand, Moss, Ink", "", "Material: linen, steel; Socket: E27; Room: living room, bedroom", "warm light, bestseller",
			"A linen shade on a slim steel stem, made for the corner where you read. The cord has a dimmer, so it follows the evening down."},
		{"LUM-DOT", "Dot Night Lamp", "Lumen & Sons", "Table lamp", "lamp", 3400, 620, 60, "Rose, Mint", "", "Material: cotton, beech; Socket: E14; Room: bedroom, nursery", "warm light, small",
			"Just bright enough to find the door. Its beech foot stays cool, and the switch is easy to find in the dark."},
		{"LUM-BELL", "Bell Pendant", "Lumen & Sons", "Pendant", "pendant", 12900, 2300, 25, "Brass, Chalk, Night", "Size: 30 cm, 45 cm +60", "Material: steel; Socket: E27; Room: kitchen, dining room", "over the table, bestseller",
			"A spun steel bell that puts its light on the table and nowhere else. Comes with two metres of cloth cable and a ceiling rose."},
		{"LUM-COMB", "Honeycomb Pendant", "Paperfold", "Pendant", "pendant", 5900, 480, 45, "Cream, Clay", "", "Material: paper; Socket: E27; Room: bedroom, hall", "paper, light",
			"Folded from one sheet of strong paper, flat in its box and round in two minutes. It spreads a light without edges."},
		{"LUM-REED", "Reed Floor Lamp", "Lumen & Sons", "Floor lamp", "floorlamp", 18900, 5400, 18, "Oak, Walnut", "", "Material: oak, linen; Socket: E27; Room: living room", "reading",
			"Three turned legs and a wide shade, tall enough for the armchair and steady on a rug. The foot switch can be worked with a sock on."},
		{"LUM-TRAIL", "Trail Lantern", "Northbound", "Lantern", "lantern", 4500, 740, 70, "Rust, Slate", "", "Material: steel, glass; Power: rechargeable; Room: terrace, tent", "outdoor, new",
			"Forty hours of light from one charge, hung from a branch or stood on the table. Rain does not trouble it."},
		{"LUM-WICK", "Beeswax Candle", "Hive & Hearth", "Candle", "candle", 1400, 310, 150, "Sun, Cream", "Size: Small, Tall +6", "Material: beeswax; Scent: honey", "gift, scent",
			"Poured by hand from wax of our own county. It burns slowly, does not drip, and smells faintly of the summer it came from."},
		{"LUM-GLOW", "Filament Bulb", "Lumen & Sons", "Bulb", "bulb", 900, 90, 300, "Brass", "Watt: 2 W, 4 W +2, 7 W +4", "Material: glass; Socket: E27", "spare part",
			"A warm LED filament in clear glass, made to be looked at. Good for fifteen thousand hours."},
	}}
}

func kitchen() collection {
	return collection{"Kitchen", []item{
		{"KIT-MUG", "Harbour Mug", "Tide Pottery", "Mug", "mug", 1600, 340, 200, "Sky, Chalk, Ink, Clay", "", "Material: stoneware; Care: dishwasher safe", "tea, coffee, gift, bestseller",
			"A stoneware mug with a thumb rest, thrown in a workshop that looks out on the harbour. Every glaze line falls a little differently."},
		{"KIT-POT", "Rainy Day Teapot", "Tide Pottery", "Teapot", "teapot", 4900, 1150, 45, "Moss, Slate", "Volume: 0.8 l, 1.2 l +9", "Material: stoneware; Care: dishwasher safe", "tea",
			"Holds enough for two to talk things over. The spout pours clean, and the strainer lifts out before the tea turns bitter."},
		{"KIT-BOWL", "Everyday Bowl", "Tide Pottery", "Bowl", "bowl", 1900, 520, 160, "Chalk, Sky, Rose", "Size: Cereal, Pasta +5, Salad +14", "Material: stoneware; Care: dishwasher safe", "stackable",
			"The bowl that is always in use. It stacks without wobbling, and survives the microwave, the dishwasher and most falls."},
		{"KIT-PAN", "Blue Steel Pan", "Forge 12", "Pan", "pan", 6400, 1900, 50, "Steel, Night", "Size: 24 cm, 28 cm +12", "Material: carbon steel; Hob: gas, induction, electric", "searing, bestseller",
			"Carbon steel that gets better with each steak. Season it once, wipe it out after, and leave it to your children."},
		{"KIT-KNIFE", "Cook's Knife", "Forge 12", "Knife", "knife", 8900, 230, 55, "Walnut, Night", "Blade: 16 cm, 20 cm +15", "Material: steel, walnut; Care: wash by hand", "sharp",
			"A thin blade for onions and a firm heel for squash. Ground by hand, sharp out of the box, and easy to keep so."},
		{"KIT-BOARD", "End Grain Board", "Forge 12", "Board", "board", 5400, 2600, 40, "Oak, Walnut", "Size: Medium, Large +22", "Material: oak; Care: oil now and then", "wood",
			"End grain closes behind the knife, so neither the board nor the blade minds. One side has a groove for the roast."},
		{"KIT-JUG", "Spring Carafe", "Tide Pottery", "Carafe", "carafe", 2900, 680, 80, "Mint, Sky", "", "Material: glass, cork; Volume: 1 l", "water, new",
			"Recycled glass with a cork ball that rolls aside when you pour. Narrow enough for the fridge door."},
		{"KIT-JAR", "Pantry Jar", "Tide Pottery", "Jar", "jar", 1200, 450, 240, "Oak", "Volume: 0.5 l, 1 l +4, 2 l +9", "Material: glass, oak", "storage, stackable",
			"Straight sides, so the scoop reaches the corners, and an oak lid that seals. You see at once what is running out."},
	}}
}

func living() collection {
	return collection{"Living", []item{
		{"LIV-THROW", "Fjord Throw", "Loom North", "Blanket", "blanket", 9900, 1250, 35, "Slate, Rust, Cream", "", "Material: wool; Size: 130 x 180 cm", "wool, warm, bestseller",
			"Lambswool woven on looms from the fifties, brushed until it is soft on the neck. Wide enough for two who like each other."},
		{"LIV-CUSH", "Patch Cushion", "Loom North", "Cushion", "cushion", 3900, 640, 90, "Clay, Moss, Ink, Sun", "Size: 40 cm, 50 cm +8", "Material: linen, feathers", "sofa",
			"Washed linen outside, feathers inside, and a zip you cannot see. Throw it, lean on it, wash it."},
		{"LIV-RUG", "Tide Rug", "Loom North", "Rug", "rug", 22900, 7200, 15, "Sand, Slate", "Size: 140 x 200 cm, 170 x 240 cm +140", "Material: wool, jute", "wool",
			"A flat weave that lies still, with a pattern like sand after the water has gone. It can be turned over, and then lasts twice as long."},
		{"LIV-VASE", "Stem Vase", "Tide Pottery", "Vase", "vase", 3200, 890, 75, "Clay, Chalk, Plum", "Size: Small, Large +14", "Material: earthenware", "flowers, gift",
			"Made for one branch or three tulips. The heavy foot keeps it where you put it."},
		{"LIV-CLOCK", "Quiet Clock", "Minute Works", "Clock", "clock", 5900, 720, 50, "Oak, Night, Mint", "", "Material: beech, steel; Power: one AA battery", "silent",
			"A wall clock that sweeps instead of ticking. Large hands, no numbers, right to the second."},
		{"LIV-CHAIR", "Lean Chair", "Bench & Co", "Chair", "chair", 24900, 5600, 20, "Oak, Walnut, Sky", "", "Material: beech, cane; Assembly: none", "seat",
			"It bends a little when you lean back, and so do you. Stacks four high when the guests have gone."},
		{"LIV-MIRROR", "Moon Mirror", "Bench & Co", "Mirror", "mirror", 11900, 4100, 28, "Brass, Oak", "Size: 50 cm, 70 cm +45", "Material: glass, brass", "hall",
			"A round mirror in a fine frame, hung from one screw. It makes a narrow hall look as if it went on."},
		{"LIV-BASKET", "Willow Basket", "Bench & Co", "Basket", "basket", 4400, 1300, 60, "Oak, Walnut", "Size: Medium, Large +15", "Material: willow", "storage, new",
			"Woven from unpeeled willow by two people who do nothing else. For wood, wool or whatever lies about."},
	}}
}

func wardrobe() collection {
	return collection{"Wardrobe", []item{
		{"WAR-TEE", "Plain Tee", "Common Thread", "T-shirt", "tee", 2900, 180, 200, "Chalk, Ink, Moss, Rose", "Size: S, M, L, XL", "Material: organic cotton; Fit: regular", "basics, bestseller",
			"Heavy cotton that keeps its shape and its collar. No print, no logo, nothing to grow tired of."},
		{"WAR-KNIT", "Fisher Jumper", "Common Thread", "Jumper", "jumper", 9800, 720, 60, "Ink, Cream, Rust", "Size: S, M, L, XL", "Material: wool; Fit: relaxed", "wool, warm",
			"Five-gauge wool in the stitch that kept deckhands warm. It is a little itchy for the first week, then yours for years."},
		{"WAR-JACK", "Dyke Jacket", "Northbound", "Jacket", "jacket", 17900, 980, 35, "Sun, Slate, Moss", "Size: S, M, L, XL", "Material: recycled nylon; Weather: waterproof", "rain, outdoor, new",
			"For people who walk in the rain on purpose. Taped seams, a hood that turns with your head, pockets above the hip belt."},
		{"WAR-CAP", "Ridge Cap", "Northbound", "Cap", "cap", 2600, 95, 110, "Moss, Clay, Night", "", "Material: cotton twill; Fit: adjustable", "outdoor",
			"Soft enough to fold into a pocket, stiff enough to keep the sun out. The strap is leather and gets better."},
		{"WAR-SOCK", "Two Mile Socks", "Common Thread", "Socks", "socks", 1500, 85, 260, "Rust, Sky, Sun", "Size: 36-40, 41-45", "Material: wool, nylon", "wool, gift",
			"Wool where it counts and nylon where it rubs. Guaranteed for two thousand miles, or your money back."},
		{"WAR-SCARF", "Long Scarf", "Loom North", "Scarf", "scarf", 5400, 240, 80, "Plum, Slate, Sun", "", "Material: merino; Size: 30 x 190 cm", "wool, warm, gift",
			"Long enough to go round twice and still have ends. Fine merino that does not scratch."},
		{"WAR-BEAN", "Dock Beanie", "Common Thread", "Beanie", "beanie", 2400, 90, 140, "Rust, Ink, Mint", "", "Material: wool", "wool, warm",
			"A short ribbed beanie, double at the brim. Sits above the ears or over them, as the wind wants."},
		{"WAR-APRON", "Studio Apron", "Common Thread", "Apron", "apron", 4600, 410, 55, "Slate, Clay", "", "Material: canvas, leather", "kitchen, workshop",
			"Waxed canvas with crossed straps, so the weight is on your shoulders and not your neck. Three pockets, one of them for the pencil."},
	}}
}
