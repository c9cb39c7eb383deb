package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"storefront/internal/client"
	"storefront/internal/poll"
)

// shop is a shop of its own: `storefront up` in a fresh data folder, and one more router beside it, each in a
// process. Its JSON is what scripts are given.
type shop struct {
	Storefront string `json:"storefront"` // the binary
	Data       string `json:"data"`       // the shop's data folder
	Router     string `json:"router"`     // GraphQL endpoints
	Other      string `json:"other"`
	Ada        string `json:"ada"` // tokens of a customer and of staff
	Sam        string `json:"sam"`

	dir       string
	processes []*process
}

// carrierStep leaves time to be cut off while a parcel is under way.
const carrierStep = time.Second

func openShop(ctx context.Context, binary string) (_ *shop, err error) {
	s := &shop{Storefront: binary}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.dir, err = os.MkdirTemp("", "storefront-clients-"); err != nil {
		return nil, fmt.Errorf("make a data folder: %w", err)
	}
	s.Data = filepath.Join(s.dir, "data")
	if s.Storefront == "" {
		s.Storefront = filepath.Join(s.dir, "storefront")
		if _, err := output(exec.CommandContext(ctx, "go", "build", "-o", s.Storefront, "storefront/cmd/storefront")); err != nil {
			return nil, fmt.Errorf("build storefront: %w", err)
		}
	}
	if _, err := s.start(ctx, "ready", "up", "--base-port", "0", "--carrier-step", carrierStep.String()); err != nil {
		return nil, err
	}
	addresses, err := os.ReadFile(filepath.Join(s.Data, "addresses.json"))
	if err != nil {
		return nil, fmt.Errorf("find the shop: %w", err)
	}
	if err := json.Unmarshal(addresses, s); err != nil { // its member "router"
		return nil, fmt.Errorf("find the shop: %w", err)
	}
	s.Router += "/graphql"
	if s.Other, err = s.start(ctx, "router is ready", "router", "--listen", "127.0.0.1:0", "--max-batch", "10", "--drain-time", "100ms"); err != nil {
		return nil, err
	}
	for user, token := range map[string]*string{"ada": &s.Ada, "sam": &s.Sam} {
		said, err := output(exec.CommandContext(ctx, s.Storefront, "token", "--user", user, "--data-dir", s.Data))
		if err != nil {
			return nil, fmt.Errorf("sign in %s: %w", user, err)
		}
		*token = strings.TrimSpace(string(said))
	}
	return s, s.stocked(ctx)
}

// stocked waits until search and carts have heard of the goods that scripts ask for: they learn of a fresh shop's
// catalogue by events.
func (s *shop) stocked(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	guest := client.New(s.Router, 1, nil)
	for {
		var found struct {
			Goods struct {
				Nodes []struct{ Variants []struct{ SKU string } }
			}
		}
		if err := guest.Do(ctx, `{ goods: productSearch(query: "lamp", first: 3) { nodes { variants { sku } } } }`, nil, true, nil, &found); err != nil {
			return fmt.Errorf("look for goods: %w", err)
		}
		var lines []map[string]any
		for _, product := range found.Goods.Nodes {
			for _, v := range product.Variants {
				lines = append(lines, map[string]any{"sku": v.SKU, "quantity": 1})
			}
		}
		var made struct {
			Opened struct{ Cart *struct{ ID string } }
		}
		err := guest.Do(ctx, `mutation($lines: [CartLineInput!]) { opened: cartCreate(input: {currency: "EUR", email: "guest@storefront.example", lines: $lines}) { cart { id } } }`,
			map[string]any{"lines": lines}, true, nil, &made)
		switch {
		case err != nil:
			return fmt.Errorf("fill a cart: %w", err)
		case len(found.Goods.Nodes) == 3 && made.Opened.Cart != nil:
			return nil
		case !poll.Sleep(ctx, 50*time.Millisecond):
			return errors.New("the goods of the demo catalogue are not on sale after a minute")
		}
	}
}

// close stops all processes, the last one first.
func (s *shop) close() error {
	var all []error
	for i := len(s.processes) - 1; i >= 0; i-- {
		all = append(all, s.processes[i].stop())
	}
	if s.dir != "" {
		all = append(all, os.RemoveAll(s.dir))
	}
	return errors.Join(all...)
}

// start runs a command of the binary, until it logs that it is ready, and beyond. It returns the address logged.
func (s *shop) start(ctx context.Context, ready string, args ...string) (address string, err error) {
	p := &process{done: make(chan struct{}), ready: make(chan string, 1)}
	ctx, p.cancel = context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, s.Storefront, append(args, "--data-dir", s.Data)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 20 * time.Second
	log, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		p.cancel()
		return "", fmt.Errorf("start storefront %s: %w", args[0], err)
	}
	go func() {
		p.follow(log, ready)
		p.err = cmd.Wait()
		close(p.done)
	}()
	s.processes = append(s.processes, p)
	select {
	case address = <-p.ready:
		return address, nil
	case <-p.done:
		return "", fmt.Errorf("storefront %s ended before it was ready: %s", args[0], p.last)
	}
}

// process is a running command.
type process struct {
	cancel context.CancelFunc
	ready  chan string // the address logged, once
	done   chan struct{}
	last   string // line of the log
	err    error
}

// follow reads the log to its end.
func (p *process) follow(log io.Reader, ready string) {
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		p.last = lines.Text()
		var line struct{ Msg, Address string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == ready {
			select {
			case p.ready <- line.Address:
			default:
			}
		}
	}
	_, _ = io.Copy(io.Discard, log)
}

func (p *process) stop() error {
	p.cancel()
	<-p.done
	if p.err != nil && !errors.Is(p.err, context.Canceled) {
		return fmt.Errorf("stop storefront: %w: %s", p.err, p.last)
	}
	return nil
}

// output is what a command prints; an error has what it complained of.
func output(cmd *exec.Cmd) ([]byte, error) {
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return nil, fmt.Errorf("%w: %s", err, strings.TrimSpace(string(exit.Stderr)))
	}
	return out, err
}
