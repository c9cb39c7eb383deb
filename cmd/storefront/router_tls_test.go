package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// identityFiles are a certificate's files, and who believes in it.
type identityFiles struct {
	cert, key string
	roots     *x509.CertPool
}

// write makes a certificate for this machine with a serial number, and puts it where the router looks.
func (f *identityFiles) write(t *testing.T, serial int64, until time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "router"}, NotBefore: until.Add(-48 * time.Hour), NotAfter: until,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	made, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	packed, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made})
	f.roots.AppendCertsFromPEM(cert)
	for file, text := range map[string][]byte{f.cert: cert, f.key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: packed})} {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// shown is the serial number of the certificate that somebody sees who connects now, and what is spoken then.
func (f *identityFiles) shown(t *testing.T, address string, config *tls.Config) (serial int64, state tls.ConnectionState, err error) {
	t.Helper()
	config.RootCAs = f.roots
	conn, err := tls.Dial("tcp", address, config)
	if err != nil {
		return 0, state, err
	}
	defer conn.Close()
	state = conn.ConnectionState()
	return state.PeerCertificates[0].SerialNumber.Int64(), state, nil
}

// TestRouterServesTLS: HTTP/2 where it is spoken, nothing below TLS 1.2, and a certificate that is exchanged while
// requests run.
func TestRouterServesTLS(t *testing.T) {
	t.Parallel()
	supergraph, _ := serveOne(t, "type Query { a(n: Int): String }", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, `{"data":{"a":"a"}}`) })
	dir := t.TempDir()
	files := &identityFiles{filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"), x509.NewCertPool()}
	files.write(t, 1, time.Now().Add(24*time.Hour))
	p, log := startRouter(t, "--supergraph", supergraph, "--tls-cert", files.cert, "--tls-key", files.key)
	if !strings.HasPrefix(p.url, "https://") {
		t.Fatalf("the router is at %s", p.url)
	}
	address := strings.TrimPrefix(p.url, "https://")
	if serial, state, err := files.shown(t, address, &tls.Config{NextProtos: []string{"h2", "http/1.1"}}); err != nil || serial != 1 || state.NegotiatedProtocol != "h2" || state.Version != tls.VersionTLS13 {
		t.Fatalf("the certificate %d, %+v, %v", serial, state, err)
	}
	if _, _, err := files.shown(t, address, &tls.Config{MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 is spoken")
	}

	var asked, failed atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var running sync.WaitGroup
	for _, transport := range []*http.Transport{
		{TLSClientConfig: &tls.Config{RootCAs: files.roots.Clone()}, ForceAttemptHTTP2: true}, {TLSClientConfig: &tls.Config{RootCAs: files.roots.Clone()}}, // on their connections
		{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}, // each time on a new one
	} {
		running.Go(func() {
			defer transport.CloseIdleConnections()
			client := &http.Client{Transport: transport, Timeout: patience}
			for ctx.Err() == nil {
				asked.Add(1)
				res, err := client.Post(p.url+"/graphql", "application/json", strings.NewReader(`{"query":"{ a }"}`))
				if err != nil {
					failed.Add(1)
					t.Errorf("a request fails: %v", err)
					return
				}
				text, err := io.ReadAll(res.Body)
				res.Body.Close()
				if err != nil || !bytes.Contains(text, []byte(`{"a":"a"}`)) || res.Header.Get("Strict-Transport-Security") == "" {
					failed.Add(1)
					t.Errorf("the answer is %s %v, %v", text, res.Header, err)
				}
			}
		})
	}
	files.write(t, 2, time.Now().Add(24*time.Hour))
	log.wait(t, "a new certificate is shown")
	eventually(t, "the new certificate is shown", func() (string, bool) {
		serial, _, err := files.shown(t, address, &tls.Config{})
		if err != nil {
			return err.Error(), false
		}
		return big.NewInt(serial).String(), serial == 2
	})
	files.write(t, 3, time.Now().Add(-time.Hour)) // it has expired
	log.wait(t, "the new certificate is refused; the one from before is shown")
	if err := os.WriteFile(files.cert, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	log.wait(t, "the new certificate is refused; the one from before is shown")
	if serial, _, err := files.shown(t, address, &tls.Config{}); err != nil || serial != 2 {
		t.Errorf("after bad ones, the certificate is %d, %v", serial, err)
	}
	before := asked.Load()
	eventually(t, "requests go on", func() (string, bool) { return "", asked.Load() > before+20 || failed.Load() > 0 })
	stop()
	running.Wait()

	fails(t, []string{"--tls-cert and --tls-key"}, "router", "--supergraph", supergraph, "--tls-cert", files.cert)
	fails(t, []string{"no certificate and its key"}, "router", "--supergraph", supergraph, "--tls-cert", files.cert, "--tls-key", files.key)
	fails(t, []string{"cannot read the certificate"}, "router", "--supergraph", supergraph, "--tls-cert", files.cert+"x", "--tls-key", files.key)
}

// TestRouterBehindTLS: a proxy has the certificate, and the router says what browsers are to know.
func TestRouterBehindTLS(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		flags []string
		want  string
	}{{nil, ""}, {[]string{"--hsts"}, "max-age=31536000"}} {
		p, _ := startRouter(t, append([]string{"--supergraph", serveEcho(t)}, c.flags...)...)
		res, err := http.Post(p.url+"/graphql", "application/json", strings.NewReader(`{"query":"{ trace }"}`))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if got := res.Header.Get("Strict-Transport-Security"); got != c.want {
			t.Errorf("%v: HSTS is %q, want %q", c.flags, got, c.want)
		}
	}
}
