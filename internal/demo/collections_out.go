package demo

func bags() collection {
	return collection{"Bags", []item{
		{"BAG-TOTE", "Market Tote", "Common Thread", "Tote", "tote", 2200, 320, 180, "Cream, Ink, Clay", "", "Material: canvas; Volume: 15 l", "shopping, bestseller",
			"Twelve-ounce canvas with handles long enough for a winter coat. Carries more leeks than you can cook."},
		{"BAG-PACK", "Commuter Backpack", "Northbound", "Backpack", "backpack", 12900, 950, 50, "Slate, Moss, Night", "Volume: 18 l, 24 l +20", "Material: recycled nylon; Weather: water-repellent", "laptop, outdoor",
			"A laptop against your back, lunch below it, a jacket under the straps. It stands up by itself when you put it down."},
		{"BAG-POUCH", "Zip Pouch", "Common Thread", "Pouch", "pouch", 1800, 110, 160, "Sun, Rose, Mint", "Size: Small, Large +6", "Material: canvas", "gift, travel",
			"For cables, coins or crayons. The zip is a good one, which is all that matters in a pouch."},
		{"BAG-FLASK", "Summit Bottle", "Northbound", "Bottle", "bottle", 3400, 390, 130, "Steel, Rust, Mint", "Volume: 0.5 l, 0.75 l +5", "Material: steel; Keeps: cold 24 h, hot 12 h", "outdoor, bestseller",
			"Double steel walls and a lid that closes with a quarter turn. It has been dropped from a ridge and came back dented, not broken."},
		{"BAG-CASE", "Cabin Case", "Northbound", "Suitcase", "suitcase", 19900, 2700, 22, "Sky, Night, Sun", "", "Material: polycarbonate; Volume: 36 l", "travel, new",
			"Rolls on four wheels and fits above the seat. The shell bends instead of cracking, and every part can be replaced."},
		{"BAG-UMB", "Storm Umbrella", "Northbound", "Umbrella", "umbrella", 4900, 460, 75, "Ink, Sun, Plum", "", "Material: steel, nylon; Weather: to 9 Beaufort", "rain",
			"Eight ribs of fibreglass that give way in a gust and come back. Opens with one hand, closes with the same."},
		{"BAG-PURSE", "Fold Wallet", "Saddler's Row", "Wallet", "wallet", 5900, 70, 95, "Walnut, Night, Clay", "", "Material: leather; Cards: 8", "gift",
			"One piece of leather, folded and sewn twice. Thin enough to forget, which is the point."},
		{"BAG-SACK", "Overnight Duffel", "Saddler's Row", "Duffel", "duffel", 14900, 1350, 26, "Moss, Walnut", "", "Material: waxed canvas, leather; Volume: 40 l", "travel",
			"Packed in four minutes, good for three days. The wax darkens where you hold it, and after a year it is nobody's but yours."},
	}}
}

func desk() collection {
	return collection{"Desk", []item{
		{"DSK-NOTE", "Field Notebook", "Paperfold", "Notebook", "notebook", 1200, 210, 320, "Moss, Rust, Ink, Sun", "Ruling: Dotted, Ruled, Plain", "Material: paper; Pages: 160", "paper, gift, bestseller",
			"Lies flat from the first page to the last. Paper that takes ink without ghosts, and a pocket for the ticket."},
		{"DSK-PEN", "Ledger Pen", "Minute Works", "Pen", "pen", 3800, 35, 120, "Brass, Night, Steel", "Nib: Fine, Medium", "Material: brass; Refill: standard cartridge", "gift",
			"A fountain pen with weight in the hand and none on the paper. Brass that remembers how you hold it."},
		{"DSK-TRAY", "Sorting Tray", "Bench & Co", "Tray", "tray", 3400, 820, 65, "Oak, Night", "", "Material: oak", "order",
			"Three places: now, later, never. Stacks on itself when later grows."},
		{"DSK-PLAN", "Year Poster", "Paperfold", "Poster", "poster", 1900, 160, 140, "Sky, Clay", "Size: A2, A1 +9", "Material: paper", "paper, planning, new",
			"All the days of the year on one sheet, with room to write in each. Undated, so it starts when you do."},
		{"DSK-CASE", "Pencil Roll", "Saddler's Row", "Pencil case", "pouch", 2700, 140, 85, "Walnut, Moss", "", "Material: canvas, leather; Pencils: 12", "drawing",
			"Twelve slots, one flap, two turns of the strap. The pencils arrive as sharp as they left."},
		{"DSK-LAMP", "Task Lamp", "Lumen & Sons", "Desk lamp", "desklamp", 10900, 2200, 32, "Night, Chalk, Rust", "", "Material: steel; Power: LED, 8 W", "work, reading",
			"Stays where you push it. Its light is white by day and warmer after nine, unless you tell it not to."},
		{"DSK-BOOK", "The Small Shop", "Paperfold", "Book", "book", 2400, 540, 90, "Cream, Sky", "Cover: Paperback, Hardback +10", "Material: paper; Pages: 232; Language: English", "reading, gift",
			"Twelve people who sell one thing well, and how their days go. Photographed over a year, printed on uncoated paper."},
		{"DSK-BLOCK", "Maple Blocks", "Bench & Co", "Toy", "blocks", 3900, 1400, 58, "Oak, Sky", "Pieces: 24, 48 +25", "Material: maple; Age: 2 and up", "play, wood, gift",
			"Cut to a tenth of a millimetre, so that the tower is as high as the patience. For meetings, too."},
	}}
}

func garden() collection {
	return collection{"Garden", []item{
		{"GAR-POT", "Terrace Pot", "Tide Pottery", "Pot", "pot", 2400, 2100, 85, "Clay, Slate, Chalk", "Size: 18 cm, 24 cm +10, 32 cm +28", "Material: terracotta; Weather: frostproof", "plants, bestseller",
			"Fired twice, so that winter does not split it. The saucer is glazed and keeps the floor dry."},
		{"GAR-CAN", "Long Spout Can", "Greenhand", "Watering can", "can", 3900, 880, 60, "Moss, Brass, Sky", "Volume: 1.5 l, 5 l +16", "Material: galvanised steel", "water",
			"Reaches the plant at the back without touching the one in front. The rose comes off for seedlings."},
		{"GAR-TROW", "Hand Trowel", "Greenhand", "Tool", "trowel", 2200, 310, 105, "Oak, Rust", "", "Material: steel, ash", "tools, gift",
			"A narrow blade of hardened steel, marked in centimetres. The ash handle is turned for a hand in a glove."},
		{"GAR-BIRD", "Wren House", "Bench & Co", "Bird house", "birdhouse", 3600, 1250, 48, "Oak, Sky, Rose", "", "Material: larch; Entrance: 28 mm", "birds, wood, gift",
			"The right size for wrens and tits and too small for anyone rude. Opens at the side for cleaning in autumn."},
		{"GAR-BOX", "Window Planter", "Greenhand", "Planter", "planter", 4200, 3100, 40, "Oak, Slate", "Length: 60 cm, 80 cm +14", "Material: larch, steel", "herbs, plants, new",
			"Herbs within reach of the stove. A double floor keeps water for a long weekend."},
		{"GAR-SEED", "Meadow Seeds", "Greenhand", "Seeds", "seeds", 600, 25, 400, "Sun, Plum", "Mix: Annual, Perennial +1", "Area: 5 square metres; Season: March to May", "plants, bees, gift",
			"Thirty kinds of flowers that belong here, for ground that is poor and sunny. Sow, tread in, wait, and keep the mower away."},
		{"GAR-FERN", "Potted Fern", "Greenhand", "Plant", "plant", 2800, 1600, 45, "Clay, Chalk", "", "Light: shade; Water: often", "plants, indoor",
			"A sword fern that forgives a dark corner and a forgotten week. Comes in a pot it can stay in."},
		{"GAR-HAM", "Cotton Hammock", "Loom North", "Hammock", "hammock", 8900, 2400, 24, "Rust, Sky, Cream", "", "Material: cotton; Load: 160 kg", "rest, outdoor",
			"Woven wide, so that you lie across it and not in it. Two trees are not included."},
	}}
}

func sound() collection {
	return collection{"Sound", []item{
		{"SND-OVER", "Room Headphones", "Oto", "Headphones", "headphones", 19900, 265, 45, "Night, Sand, Sky", "", "Battery: 40 h; Connection: Bluetooth, cable", "wireless, bestseller",
			"They make the train disappear and leave the music. The pads come off, and so does the battery when its day is done."},
		{"SND-BUDS", "Pebble Earbuds", "Oto", "Earbuds", "earbuds", 9900, 48, 90, "Chalk, Night, Mint", "", "Battery: 7 h; Connection: Bluetooth", "wireless, small",
			"Small, round, and they stay in when you run for the bus. The case charges them five times over."},
		{"SND-BOX", "Shelf Speaker", "Oto", "Speaker", "speaker", 14900, 1900, 38, "Oak, Walnut, Night", "", "Power: 40 W; Connection: Bluetooth, Wi-Fi, cable", "wireless",
			"One box that fills a room without shaking it. Real wood, two drivers, a knob you turn."},
		{"SND-RADIO", "Kitchen Radio", "Oto", "Radio", "radio", 8900, 1250, 52, "Mint, Cream, Rust", "", "Reception: DAB+, FM; Power: mains, batteries", "retro, new",
			"Two knobs and a handle. It remembers the station you left, and can be heard over the extractor."},
		{"SND-TURN", "Belt Turntable", "Oto", "Turntable", "turntable", 32900, 6100, 14, "Walnut, Night", "", "Speed: 33, 45; Connection: phono, line", "vinyl",
			"A heavy platter on a quiet bearing, set up in ten minutes. The amplifier is inside if you want it and out of the way if not."},
		{"SND-KEYS", "Low Keyboard", "Minute Works", "Keyboard", "keyboard", 11900, 610, 60, "Slate, Chalk, Night", "Layout: ISO German, ISO British, ANSI", "Connection: Bluetooth, USB-C; Battery: 6 months", "work, wireless",
			"Flat, quiet, and every key says plainly that it was pressed. Three machines, one switch."},
		{"SND-MOUSE", "Palm Mouse", "Minute Works", "Mouse", "mouse", 4900, 95, 95, "Slate, Chalk, Rose", "", "Connection: Bluetooth, USB-C; Battery: 4 months", "work, wireless",
			"Shaped on four hundred hands. The wheel runs free for long pages and clicks for short ones."},
		{"SND-DOCK", "Oak Charger", "Bench & Co", "Charger", "charger", 5900, 280, 70, "Oak, Walnut", "", "Power: 15 W; Connection: USB-C", "wireless, gift",
			"Lay the phone down and it charges; pick it up and nothing hangs from it. Oak on top, steel below, so it stays put."},
	}}
}
