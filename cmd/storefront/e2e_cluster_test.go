package main

// A cluster: every service and the router in a process of its own, over servers that can be taken away
// and brought back. Failure tests kill the processes and stop the servers.

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"storefront/internal/blob"
	"storefront/internal/embedded/kafka"
	"storefront/internal/embedded/mongodb"
	"storefront/internal/embedded/oidc"
	"storefront/internal/embedded/redis"
	"storefront/internal/embedded/smtp"
	"storefront/internal/id"
	kafkaedge "storefront/internal/kafka"
	mongoedge "storefront/internal/mongodb"
)

// cluster is a shop in nine processes.
type cluster struct {
	*house
	t     *testing.T
	base  int
	edges []string // flags that say where the servers are
	extra []string // flags of every service
	named addresses

	mu        sync.Mutex
	processes map[string]*exec.Cmd
	said      bytes.Buffer

	servers map[string]*outage
}

// outage is a server that can be taken away.
type outage struct {
	start func() error
	stop  func() error
}

// realServers reports whether the servers are real ones, named by the environment.
func realServers() bool { return os.Getenv("STOREFRONT_TEST_KAFKA_BROKERS") != "" }

// startCluster starts the servers, then all parts. extra are flags of every service.
func startCluster(t *testing.T, extra ...string) *cluster {
	t.Helper()
	if raceDetector {
		t.Skip("nine processes with the race detector are too many for one machine; the other tests look for races")
	}
	c := &cluster{t: t, base: freeBase(t), extra: extra, processes: map[string]*exec.Cmd{}, servers: map[string]*outage{}}
	c.house = &house{log: &logbook{}, dir: t.TempDir(), url: "http://" + c.at(0), tokens: map[string]string{}}
	c.named = addresses{Router: c.url, Process: os.Getpid()}
	if realServers() {
		c.useReal()
	} else {
		c.useEmbedded()
	}
	c.beside()
	c.edges = []string{"--mongodb-uri", c.named.MongoDB, "--mongodb-prefix", c.named.MongoPrefix, "--kafka-brokers", strings.Join(c.named.Brokers, ","),
		"--kafka-namespace", c.named.KafkaNamespace, "--redis-url", c.named.Redis, "--secret", strings.Repeat("secret", 6)}
	text, err := json.Marshal(c.named)
	if err == nil {
		err = os.WriteFile(addressFile(c.dir), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		var leaving sync.WaitGroup
		for name := range maps.Clone(c.processes) {
			leaving.Go(func() { c.leave(name) })
		}
		leaving.Wait()
		if t.Failed() {
			l := &logbook{}
			c.mu.Lock()
			l.Write(c.said.Bytes())
			c.mu.Unlock()
			t.Logf("the last warnings:\n%s", l.warnings())
		}
	})
	for _, name := range services {
		c.run(name)
	}
	c.run("router")
	for i := range services {
		reachable(t, "http://"+c.at(1+i))
	}
	reachable(t, c.url)
	return c
}

func (c *cluster) at(offset int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(c.base+offset))
}

// useReal takes the servers that the environment names; scripts/services takes them away.
func (c *cluster) useReal() {
	c.named.MongoDB, c.named.Redis = os.Getenv("STOREFRONT_TEST_MONGODB_URI"), os.Getenv("STOREFRONT_TEST_REDIS_URL")
	c.named.Brokers = strings.Split(os.Getenv("STOREFRONT_TEST_KAFKA_BROKERS"), ",")
	run := strings.ToLower(id.New("run")[4:])
	c.named.KafkaNamespace, c.named.MongoPrefix = "test-"+run+".", "t"+run[len(run)-10:]+"_"
	for _, name := range []string{"kafka", "mongodb", "redis"} {
		command := func(verb string) error {
			said, err := exec.Command("../../scripts/services", verb, name).CombinedOutput()
			if err != nil {
				return fmt.Errorf("scripts/services %s %s: %w\n%s", verb, name, err, said)
			}
			return nil
		}
		c.servers[name] = &outage{start: func() error { return command("start") }, stop: func() error { return command("stop") }}
	}
	c.t.Cleanup(func() {
		for _, s := range c.servers { // the other tests need what a test that failed has left stopped
			if err := s.start(); err != nil {
				c.t.Error(err)
			}
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := deleteNamespace(ctx, kafkaedge.Config{Brokers: c.named.Brokers, Namespace: c.named.KafkaNamespace}); err != nil {
			c.t.Error(err)
		}
		client, err := mongoedge.Connect(ctx, c.named.MongoDB, "test", 10*time.Second)
		if err != nil {
			c.t.Error(err)
			return
		}
		defer client.Disconnect(ctx)
		for _, name := range append([]string{"router"}, services...) {
			if err := client.Database(c.named.MongoPrefix + name).Drop(ctx); err != nil {
				c.t.Error(err)
			}
		}
	})
}

// useEmbedded runs the servers in this process, on disk, so that they come back with what they had.
func (c *cluster) useEmbedded() {
	ctx, quiet := context.Background(), slog.New(slog.DiscardHandler)
	serve := func(name string, begin func() (io.Closer, error)) {
		var running io.Closer
		o := &outage{}
		o.start = func() (err error) { running, err = begin(); return err }
		o.stop = func() error { err := running.Close(); running = nil; return err }
		if err := o.start(); err != nil {
			c.t.Fatal(err)
		}
		c.t.Cleanup(func() {
			if running != nil {
				running.Close()
			}
		})
		c.servers[name] = o
	}
	serve("mongodb", func() (io.Closer, error) {
		s, err := mongodb.Start(ctx, mongodb.Config{Addr: c.at(11), Dir: filepath.Join(c.dir, "mongodb"), Logger: quiet})
		if err == nil {
			c.named.MongoDB = s.URI()
		}
		return s, err
	})
	serve("kafka", func() (io.Closer, error) {
		s, err := kafka.Start(ctx, kafka.Config{Port: c.base + 12, Dir: filepath.Join(c.dir, "kafka"), Logger: quiet})
		if err == nil {
			c.named.Brokers = []string{s.Addr()}
		}
		return s, err
	})
	serve("redis", func() (io.Closer, error) {
		s, err := redis.Start(ctx, redis.Config{Addr: c.at(13), Logger: quiet})
		if err == nil {
			c.named.Redis = s.URL()
		}
		return s, err
	})
}

// beside starts what no test takes away.
func (c *cluster) beside() {
	ctx, quiet := context.Background(), slog.New(slog.DiscardHandler)
	issuer, err := oidc.Start(ctx, oidc.Config{Addr: c.at(10), Dir: filepath.Join(c.dir, "oidc"), Users: demoUsers(),
		Clients: demoClients(SecretFlags{Secret: strings.Repeat("secret", 6)}), Logger: quiet})
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { issuer.Close() })
	post, err := smtp.Start(ctx, smtp.Config{SMTPAddr: c.at(14), HTTPAddr: c.at(15), Dir: c.dir, Logger: quiet})
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { post.Close() })
	c.house.issuer, c.house.mails = issuer.Issuer(), post.URL()
	c.named.Issuer, c.named.Mail = c.house.issuer, c.house.mails
}

// join starts another instance of a service, which takes its share of events; the router does not know it.
func (c *cluster) join(service string, instance int) (name string) {
	name = fmt.Sprint(service, "#", instance)
	c.run(name)
	return name
}

// leave ends a part's process as an operator does.
func (c *cluster) leave(name string) {
	c.t.Helper()
	c.mu.Lock()
	cmd := c.processes[name]
	delete(c.processes, name)
	c.mu.Unlock()
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		c.t.Errorf("%s cannot be told to end: %v", name, err)
	}
	defer time.AfterFunc(patience, func() { cmd.Process.Kill() }).Stop()
	if err := cmd.Wait(); err != nil {
		c.t.Errorf("%s was told to end, and ended with %v", name, err)
	}
}

// run starts a part's process.
func (c *cluster) run(name string) {
	c.t.Helper()
	service, instance, more := strings.Cut(name, "#")
	var args []string
	if name == "router" {
		args = append([]string{"router", "--listen", c.at(0), "--oidc-issuer", c.house.issuer, "--page", "/3ds/=http://" + c.at(1+position("payments"))}, c.edges...)
		for i, s := range services {
			args = append(args, "--subgraph", s+"=http://"+c.at(1+i)+"/graphql")
		}
	} else {
		files, err := blob.FolderURL(filepath.Join(c.dir, "files"))
		if err != nil {
			c.t.Fatal(err)
		}
		data := filepath.Join(c.dir, name) // each has a folder of its own, and payments the one with the ledger
		if name == "payments" {
			data = c.dir
		}
		listen := c.at(1 + position(service))
		if more {
			listen, data = "127.0.0.1:0", data+"-"+instance
		}
		args = append([]string{"serve", service, "--listen", listen, "--data-dir", data, "--public-url", c.url, "--blob-url", files,
			"--smtp-addr", c.at(14)}, c.edges...)
		if args = append(args, c.extra...); !more {
			args = append(args, "--kafka-instance", "first") // its partitions wait for it
		}
	}
	cmd := exec.Command(executable(c.t), args...)
	cmd.Env = append(os.Environ(), childVariable+"=1")
	cmd.Stdout, cmd.Stderr = c, c
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.mu.Lock()
	c.processes[name] = cmd
	c.mu.Unlock()
}

func position(service string) int { return slices.Index(services, service) }

// kill ends a part's process as a machine's failure would.
func (c *cluster) kill(name string) {
	c.mu.Lock()
	cmd := c.processes[name]
	delete(c.processes, name)
	c.mu.Unlock()
	if cmd != nil {
		cmd.Process.Kill()
		cmd.Wait()
	}
}

func (c *cluster) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.said.Write(b)
}

// away takes a server away for a while.
func (c *cluster) away(server string, for_ time.Duration) {
	c.t.Helper()
	if err := c.servers[server].stop(); err != nil {
		c.t.Fatal(err)
	}
	select {
	case <-time.After(for_):
	case <-c.t.Context().Done():
	}
	if err := c.servers[server].start(); err != nil {
		c.t.Fatal(err)
	}
}
