package main

import (
	"context"
	"fmt"
	"os"

	"storefront/internal/catalogue"
	"storefront/internal/errs"
	"storefront/internal/flags"
	"storefront/internal/importer"
	"storefront/internal/money"
	"storefront/internal/progress"
	"storefront/internal/telemetry"
)

// ImportConfig is what `storefront import FILE...` takes.
type ImportConfig struct {
	ShopFlags
	Limit    int    `flag:"limit" default:"0" help:"products per file at most, 0 for all"`
	Currency string `flag:"currency" help:"currency of prices where a file names none; EUR for Shopify's files, USD for electronics when absent"`
	Stock    int    `flag:"stock" default:"0" help:"units to put on stock of each variant where a file says nothing of stock"`
}

const importUsage = `storefront import FILE...: imports products into a running shop. The format is recognised: Shopify's
product CSV, a JSON list of electronics, Online Retail lines; compressed with gzip or not. A second run changes nothing: a SKU gets its first stock once, from whatever file.`

func runImport(ctx context.Context, std stdio, args []string) error {
	var cfg ImportConfig
	files, err := flags.ParseArgs("import", importUsage, &cfg, args, std.env, std.out)
	if err != nil {
		return err
	}
	switch {
	case len(files) == 0:
		return errs.New(errs.BadInput, "name the files to import: storefront import FILE...")
	case cfg.Currency != "" && !money.ValidCurrency(cfg.Currency):
		return errs.New(errs.BadInput, "--currency %s: a currency is an ISO 4217 code in capitals, such as EUR", cfg.Currency)
	case cfg.Limit < 0 || cfg.Stock < 0:
		return errs.New(errs.BadInput, "--limit and --stock are not below 0")
	}
	for _, name := range files { // before anything is written
		if _, err := os.Stat(name); err != nil {
			return errs.Wrap(errs.BadInput, err, "cannot read the file")
		}
	}
	if err := cfg.complete(); err != nil {
		return err
	}
	to := importer.New(cfg.staff(8))
	for _, name := range files {
		file, err := catalogue.Open(name, catalogue.Options{Currency: cfg.Currency})
		if err != nil {
			return err
		}
		if err := cfg.importFile(ctx, std, to, file); err != nil {
			return fmt.Errorf("import %s: %w", file.Name, err)
		}
	}
	return nil
}

func (cfg ImportConfig) importFile(ctx context.Context, std stdio, to *importer.Importer, file *catalogue.File) error {
	s := importer.Summary{File: file}
	products := file.Products
	if cfg.Limit > 0 && len(products) > cfg.Limit {
		s.Left = len(products) - cfg.Limit
		products = products[:cfg.Limit]
	}
	bar := progress.New(std.err, telemetry.IsTerminal(std.err), file.Name, len(products)+len(cfg.stockOf(file, products)))
	defer bar.Done()
	var err error
	if s.Written, err = to.Products(ctx, products, bar.Add); err != nil {
		return err
	}
	stock := cfg.stockOf(file, s.Written.Accepted)
	s.Stocked = len(stock)
	if s.Kept, err = to.Stock(ctx, stock, "imported from "+shortName(file.Name), importStockKey, bar.Add); err != nil {
		return err
	}
	bar.Done()
	s.Print(std.out)
	if !file.HasStock && cfg.Stock == 0 {
		fmt.Fprintln(std.out, "  note: the file says nothing of stock, so nothing can be bought yet; --stock N puts N of each on stock")
	}
	return nil
}

// importStockKey is one for all files: a SKU gets its first stock once, whatever the file is called. A file
// says what was there when it was written, and what is sold here is not in it.
var importStockKey = importer.StockKey("file")

// stockOf is what the file, or --stock, says of the variants of products.
func (cfg ImportConfig) stockOf(file *catalogue.File, products []catalogue.Product) []importer.Stock {
	var stock []importer.Stock
	for _, p := range products {
		for _, v := range p.Variants {
			units := v.Stock
			if !file.HasStock {
				units = cfg.Stock
			}
			if units > 0 {
				stock = append(stock, importer.Stock{SKU: v.SKU, Delta: units})
			}
		}
	}
	return stock
}

func shortName(name string) string {
	if len(name) > 150 {
		return name[:150]
	}
	return name
}
