package products

//go:generate go run storefront/internal/codegen products
