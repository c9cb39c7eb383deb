package events

//go:generate go run storefront/consumers/asyncapi
