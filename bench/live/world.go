package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	embedded "storefront/internal/embedded/kafka"
	"storefront/internal/id"
	"storefront/internal/identity"
	"storefront/internal/kafka"
	"storefront/router/compose"
)

const topic = "thing-events"

// sdl is the one subgraph. An event tells everything but the note, which nobody asks for here.
const sdl = `
extend schema
  @link(url: "https://specs.apollo.dev/federation/v2.5", import: ["@key", "@composeDirective"])
  @link(url: "https://storefront.dev/live/v1.0", import: ["@live"])
  @composeDirective(name: "@live")

directive @live(topic: String!, key: String!, field: String! = "id", types: [String!], provides: String, owner: String, version: String) on FIELD_DEFINITION

type Query { thing(id: ID!): Thing }
type Subscription { changes(id: ID!): Thing @live(topic: "thing-events", key: "id", provides: "id version at", owner: "owner", version: "version") }
type Thing @key(fields: "id") { id: ID! version: Int! at: String! note: String }
`

// world is all that runs beside the subscribers.
type world struct {
	config
	dir      string
	broker   *embedded.Server // nil: a real cluster
	kafka    kafka.Config
	producer *kafka.Producer
	subgraph *httptest.Server
	things   *things
	file     string // the supergraph
	routers  [2]*process
	secret   string
}

// things are what is watched: their versions, and whose they are.
type things struct {
	mu       sync.Mutex
	versions []int
}

func keyOf(n int) string   { return "thg_" + strconv.Itoa(n) }
func tokenOf(n int) string { return fmt.Sprintf("guest-token-of-the-owner-%07d", n) }
func ownerOf(n int) string { return identity.GuestID(tokenOf(n)) }

func newWorld(ctx context.Context, c config) (_ *world, err error) {
	w := &world{config: c, things: &things{versions: make([]int, c.keys)}, secret: strings.Repeat("bench-live-", 4)}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if w.dir, err = os.MkdirTemp("", "bench-live-"); err != nil {
		return nil, err
	}
	quiet := slog.New(slog.DiscardHandler)
	if c.brokers == "" {
		w.broker, err = embedded.Start(ctx, embedded.Config{Dir: filepath.Join(w.dir, "kafka"), Topics: []embedded.Topic{{Name: topic, Partitions: 6}}, Logger: quiet})
		if err != nil {
			return nil, err
		}
		w.kafka = kafka.Config{Brokers: []string{w.broker.Addr()}, Logger: quiet}
	} else {
		w.kafka = kafka.Config{Brokers: strings.Split(c.brokers, ","), Namespace: "bench-" + strings.ToLower(id.New("run")) + ".", Logger: quiet}
		if err := w.kafka.Admin().EnsureTopics(ctx, []kafka.Topic{{Name: topic, Partitions: 6, Replication: 1}}); err != nil {
			return nil, err
		}
	}
	if w.producer, err = kafka.NewProducer(w.kafka); err != nil {
		return nil, err
	}
	w.subgraph = httptest.NewServer(http.HandlerFunc(w.serve))
	if err := w.compose(); err != nil {
		return nil, err
	}
	if w.binary == "" {
		w.binary = filepath.Join(w.dir, "storefront")
		build := exec.CommandContext(ctx, "go", "build", "-o", w.binary, "storefront/cmd/storefront")
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			return nil, fmt.Errorf("build storefront: %w", err)
		}
	}
	for i := range w.routers {
		if w.routers[i], err = w.startRouter(ctx); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// compose writes the supergraph, another one each time.
func (w *world) compose() error {
	made, mistakes := compose.Compose([]compose.Subgraph{{Name: "things", URL: w.subgraph.URL, SDL: sdl + "# " + time.Now().String() + "\ntype Extra" + strconv.FormatInt(time.Now().UnixNano(), 36) + " { id: ID }\n"}})
	if len(mistakes) > 0 {
		return fmt.Errorf("compose: %v", mistakes)
	}
	w.file = filepath.Join(w.dir, "supergraph.graphqls")
	if err := os.WriteFile(w.file+".new", []byte(made.SupergraphSDL), 0o600); err != nil {
		return err
	}
	return os.Rename(w.file+".new", w.file)
}

// serve is the subgraph: it answers _entities with the state of things, to those whose they are.
func (w *world) serve(rw http.ResponseWriter, r *http.Request) {
	var req struct{ Variables map[string]json.RawMessage }
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	// The header is "who.signature"; whether the signature is right is tested elsewhere.
	var who identity.Identity
	text, _, _ := strings.Cut(r.Header.Get(identity.Header), ".")
	if raw, err := base64.RawURLEncoding.DecodeString(text); err == nil {
		_ = json.Unmarshal(raw, &who)
	}
	answers := []any{}
	for _, v := range req.Variables {
		var representations []struct{ ID string }
		if json.Unmarshal(v, &representations) != nil {
			continue
		}
		for _, rep := range representations {
			answers = append(answers, w.state(rep.ID, who.Guest))
		}
	}
	rw.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(rw).Encode(map[string]any{"data": map[string]any{"_entities": answers}})
}

func (w *world) state(key, guest string) any {
	n, err := strconv.Atoi(strings.TrimPrefix(key, "thg_"))
	if err != nil || n >= w.keys || ownerOf(n) != guest {
		return nil
	}
	w.things.mu.Lock()
	defer w.things.mu.Unlock()
	version := w.things.versions[n]
	return map[string]any{"__typename": "Thing", "id": key, "version": version, "__live_version": version, "at": "0", "note": nil}
}

// change makes the next version of a thing and returns the event of it.
func (w *world) change(n int) kafka.Message {
	w.things.mu.Lock()
	w.things.versions[n]++
	version := w.things.versions[n]
	w.things.mu.Unlock()
	value := fmt.Sprintf(`{"id":%q,"version":%d,"owner":%q,"at":"%d"}`, keyOf(n), version, ownerOf(n), time.Now().UnixNano())
	return kafka.Message{Topic: topic, Key: keyOf(n), Value: []byte(value), Headers: []kafka.Header{
		{Key: "ce_id", Value: keyOf(n) + "@" + strconv.Itoa(version)}, {Key: "ce_type", Value: "thing.changed"},
		{Key: "ce_time", Value: time.Now().UTC().Format(time.RFC3339Nano)}}}
}

// process is a router.
type process struct {
	addr  string
	debug string // where its profiles are
	cmd   *exec.Cmd
	dead  atomic.Bool
}

func (w *world) startRouter(ctx context.Context) (*process, error) {
	ports := [2]string{}
	for i := range ports {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		ports[i] = ln.Addr().String()
		ln.Close()
	}
	p := &process{addr: ports[0], debug: ports[1]}
	args := []string{"router", "--listen", p.addr, "--supergraph", w.file, "--secret", w.secret, "--kafka-brokers", strings.Join(w.kafka.Brokers, ","), "--log-level", "error", "--debug-listen", ports[1]}
	if w.kafka.Namespace != "" {
		args = append(args, "--kafka-namespace", w.kafka.Namespace)
	}
	p.cmd = exec.Command(w.binary, args...)
	p.cmd.Stdout, p.cmd.Stderr = io.Discard, os.Stderr
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		res, err := http.Get("http://" + p.addr + "/readyz")
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return p, nil
			}
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("the router at %s is not ready: %v", p.addr, err)
		}
	}
}

func (p *process) kill() {
	p.dead.Store(true)
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// memory is what the process holds in memory, in bytes, without the pages of its binary.
func (p *process) memory() int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			n, _ := strconv.Atoi(strings.Fields(rest)[0])
			return n << 10
		}
	}
	return 0
}

// held is what the process's heap holds after a collection, with its stacks, in bytes.
func (p *process) held() int {
	res, err := http.Get("http://" + p.debug + "/debug/pprof/heap?gc=1&debug=1")
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return 0
	}
	total := 0
	for line := range strings.Lines(string(text)) {
		for _, name := range []string{"# HeapAlloc = ", "# Stack = "} {
			if rest, ok := strings.CutPrefix(line, name); ok {
				n, _ := strconv.Atoi(strings.Fields(rest)[0])
				total += n
			}
		}
	}
	return total
}

func (w *world) close() {
	for _, p := range w.routers {
		if p != nil && !p.dead.Load() {
			p.kill()
		}
	}
	if w.producer != nil {
		w.producer.Close()
	}
	if w.subgraph != nil {
		w.subgraph.CloseClientConnections()
		w.subgraph.Close()
	}
	if w.broker != nil {
		w.broker.Close()
	}
	os.RemoveAll(w.dir)
}
