package shipping

//go:generate go run storefront/internal/codegen shipping
