package smtp

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	netsmtp "net/smtp"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func start(t *testing.T, cfg Config) *Server {
	t.Helper()
	s, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func send(t *testing.T, s *Server, to, subject, body string) {
	t.Helper()
	err := netsmtp.SendMail(s.SMTPAddr(), nil, "shop@example.com", []string{to}, []byte("Subject: "+subject+"\r\n"+body))
	if err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, url string) (int, string, http.Header) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body), resp.Header
}

const alternative = "MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n" +
	"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nR3LDvMOfZQ==\r\n" +
	"--b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>Gr=C3=BC=C3=9Fe</p><script>alert(1)</script>\r\n--b--\r\n"

func TestMailsCanBeRead(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Dir: t.TempDir()})
	send(t, s, "Ada@example.com", "=?utf-8?q?Gr=C3=BC=C3=9Fe_<b>?=", alternative)
	send(t, s, "bob@example.com", "plain", "\r\nhello bob\r\n")

	status, body, _ := get(t, s.URL()+"api/mails?to=ada@example.com")
	var mails []Mail
	if err := json.Unmarshal([]byte(body), &mails); err != nil || status != 200 {
		t.Fatalf("%d %s: %v", status, body, err)
	}
	if len(mails) != 1 || mails[0].Subject != "Grüße <b>" || mails[0].Text != "Grüße" ||
		!strings.HasPrefix(mails[0].HTML, "<p>Grüße</p>") || mails[0].From != "shop@example.com" || mails[0].To[0] != "ada@example.com" {
		t.Fatalf("mails are %+v", mails)
	}
	if _, list, _ := get(t, s.URL()); !strings.Contains(list, "Grüße &lt;b&gt;") || !strings.Contains(list, "plain") || strings.Index(list, ">plain") > strings.Index(list, "Grüße &lt;") {
		t.Fatalf("the list is %s", list)
	}
	if _, page, _ := get(t, s.URL()+"mail/2"); !strings.Contains(page, "hello bob") {
		t.Fatalf("the mail's page is %s", page)
	}
	_, html, header := get(t, s.URL()+"mail/1/html")
	if !strings.Contains(html, "<p>Grüße</p>") || !strings.Contains(header.Get("Content-Security-Policy"), "sandbox allow-popups") {
		t.Fatalf("the mail's HTML is %s with %v", html, header)
	}
	for _, path := range []string{"mail/99", "mail/x", "mail/99/raw"} {
		if status, _, _ := get(t, s.URL()+path); status != http.StatusNotFound {
			t.Errorf("%s answers %d", path, status)
		}
	}
	if status, _, _ := get(t, s.URL()+"api/mails?limit=x"); status != http.StatusBadRequest {
		t.Errorf("a wrong limit answers %d", status)
	}
}

func TestOtherHostNamesAreRefused(t *testing.T) {
	t.Parallel()
	s := start(t, Config{})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "evil.example"
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Fatalf("another host name answers %d", resp.StatusCode)
	}
}

func TestMailsSurviveARestartAndTheOldestGo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, Config{Dir: dir, Keep: 3})
	for i := range 5 {
		send(t, s, "ada@example.com", fmt.Sprint("mail ", i), "\r\nx\r\n")
	}
	s.Close()
	if err := os.WriteFile(filepath.Join(dir, "mail", "0000000009.eml.part"), []byte("torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	s = start(t, Config{Dir: dir, Keep: 3})
	send(t, s, "ada@example.com", "mail 5", "\r\nx\r\n")
	mails, err := s.Mails("", 0)
	if err != nil || len(mails) != 3 || mails[0].Subject != "mail 5" || mails[2].Subject != "mail 3" {
		t.Fatalf("after a restart there are %+v, %v", mails, err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "mail", "*.eml*"))
	if err != nil || len(files) != 3 {
		t.Fatalf("files are %v, %v", files, err)
	}
}

func TestTooLongAMailIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t, Config{})
	big := "\r\n" + strings.Repeat(strings.Repeat("x", 998)+"\r\n", maxMailBytes/1000+1)
	err := netsmtp.SendMail(s.SMTPAddr(), nil, "shop@example.com", []string{"ada@example.com"}, []byte("Subject: big\r\n"+big))
	if err == nil || !strings.HasPrefix(err.Error(), "552") {
		t.Fatalf("a mail that is too long gives %v", err)
	}
	if mails, err := s.Mails("", 0); err != nil || len(mails) != 0 {
		t.Fatalf("kept %d mails, %v", len(mails), err)
	}
}

func TestClosedBeforeItServes(t *testing.T) {
	t.Parallel()
	for range 200 {
		s, err := Start(t.Context(), Config{})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
