package inventory

//go:generate go run storefront/internal/codegen inventory
