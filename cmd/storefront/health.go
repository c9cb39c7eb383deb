package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"storefront/internal/errs"
	"storefront/internal/flags"
)

// HealthConfig is what `storefront health URL` takes.
type HealthConfig struct {
	Timeout time.Duration `flag:"timeout" default:"3s" help:"how long to wait for the answer"`
}

const healthUsage = `storefront health URL: asks the router or service at URL, such as http://127.0.0.1:4000, whether it can do
its work. For container health checks, where there is no shell: it exits with 1 when the answer is no.`

func runHealth(ctx context.Context, std stdio, args []string) error {
	var cfg HealthConfig
	rest, err := flags.ParseArgs("health", healthUsage, &cfg, args, std.env, std.out)
	if err != nil {
		return err
	}
	if len(rest) != 1 {
		return errs.New(errs.BadInput, "write: storefront health URL, such as http://127.0.0.1:4000")
	}
	u, err := url.Parse(rest[0])
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return errs.New(errs.BadInput, "%q is not the address of a router or service; it looks like http://127.0.0.1:4000", rest[0])
	}
	ctx, cancel := context.WithTimeout(ctx, cfg.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.JoinPath("readyz").String(), nil)
	if err != nil {
		return errs.Wrap(errs.BadInput, err, "%q is not an address", rest[0])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return errs.Wrap(errs.Unavailable, err, "nothing answers at %s", u.Redacted())
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1000))
	if err != nil {
		return errs.Wrap(errs.Unavailable, err, "the answer of %s breaks off", u.Redacted())
	}
	answer := strings.TrimSpace(string(body))
	if resp.StatusCode != http.StatusOK {
		return errs.New(errs.Unavailable, "%s: %s", resp.Status, answer)
	}
	fmt.Fprintln(std.out, answer)
	return nil
}
