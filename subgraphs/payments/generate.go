package payments

//go:generate go run storefront/internal/codegen payments
