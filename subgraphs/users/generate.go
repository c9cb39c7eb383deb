package users

//go:generate go run storefront/internal/codegen users
