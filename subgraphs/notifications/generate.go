package notifications

//go:generate go run storefront/internal/codegen notifications
