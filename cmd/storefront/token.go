package main

import (
	"context"
	"fmt"

	"storefront/internal/errs"
	"storefront/internal/flags"
	"storefront/internal/oidc"
)

// TokenConfig is what `storefront token` takes.
type TokenConfig struct {
	User     string `flag:"user" help:"a demo person: ada, ben or sam (staff)"`
	Password string `flag:"password" default:"demo" help:"the person's password"`
	Client   string `flag:"client" help:"sign a client in instead of a person, such as acme"`
	Secret   string `flag:"client-secret" default:"acme-demo-secret" help:"the client's secret"`
	Issuer   string `flag:"oidc-issuer" env:"STOREFRONT_OIDC_ISSUER" help:"OIDC issuer; the running shop's when absent"`
	DataDir  string `flag:"data-dir" env:"STOREFRONT_DATA_DIR" default:".storefront" help:"the running shop's data folder"`
}

const tokenUsage = `storefront token --user NAME: prints an access token of a demo person, for the header
"authorization: Bearer TOKEN".`

func runToken(ctx context.Context, std stdio, args []string) error {
	var cfg TokenConfig
	if err := flags.Parse("token", tokenUsage, &cfg, args, std.env, std.out); err != nil {
		return err
	}
	if (cfg.User == "") == (cfg.Client == "") {
		return errs.New(errs.BadInput, "give --user NAME (ada, ben or sam) or --client NAME (acme)")
	}
	if cfg.Issuer = issuerURL(cfg.Issuer); cfg.Issuer == "" {
		shop, err := running(cfg.DataDir)
		if err != nil {
			return err
		}
		cfg.Issuer = shop.Issuer
	}
	var token oidc.Token
	var err error
	if cfg.Client != "" {
		token, err = oidc.ClientCredentials(ctx, cfg.Issuer, cfg.Client, cfg.Secret)
	} else {
		token, err = oidc.SignIn(ctx, cfg.Issuer, webClient, cfg.User, cfg.Password)
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(std.out, token.AccessToken)
	return nil
}
