package reviews

//go:generate go run storefront/internal/codegen reviews
