package orders

//go:generate go run storefront/internal/codegen orders
