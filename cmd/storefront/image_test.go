package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"storefront/internal/flags"
)

// TestRouterStartsInTheImage: with the variables of the Dockerfile beside those that it needs, a router looks for no
// shop that runs on its data folder.
func TestRouterStartsInTheImage(t *testing.T) {
	dockerfile, err := os.ReadFile(filepath.Join("..", "..", "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"STOREFRONT_MONGODB_URI": "mongodb://mongodb:27017", "STOREFRONT_KAFKA_BROKERS": "kafka:9092", "STOREFRONT_REDIS_URL": "redis://redis:6379",
		"STOREFRONT_OIDC_ISSUER": "https://login.example", "STOREFRONT_SECRET": "0123456789abcdef0123456789abcdef"}
	known := len(env)
	for _, m := range regexp.MustCompile(`(?m)^(?:ENV)? +(\w+)=(\S+)`).FindAllStringSubmatch(string(dockerfile), -1) {
		env[m[1]] = m[2]
	}
	if len(env) == known {
		t.Fatal("the Dockerfile has no variables")
	}
	var cfg RouterConfig
	if err := flags.Parse("router", "", &cfg, nil, func(name string) string { return env[name] }, io.Discard); err != nil {
		t.Fatal(err)
	}
	if err := cfg.takeFromShop(); err != nil {
		t.Errorf("the router does not start: %v", err)
	}
	if err := cfg.check(); err != nil {
		t.Errorf("the router does not start: %v", err)
	}
}
