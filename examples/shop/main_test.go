package main

import (
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// asProgram makes the test binary the program itself.
const asProgram = "SHOP_IS_THE_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// TestProgram: it serves customers and the platform, and ends with 0 when it is told to
// stop, also while somebody waits for an order.
func TestProgram(t *testing.T) {
	dir := t.TempDir()
	web, probes, debug := free(t), free(t), free(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), asProgram+"=1", "SHOP_WEB="+web, "SHOP_PROBES="+probes, "SHOP_DEBUG="+debug,
		"SHOP_DATABASE="+filepath.Join(dir, "shop.db"), "SHOP_CRASHES="+filepath.Join(dir, "crashes"))
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := newReader(log)
	said.await(t, "INFO ready ")
	if got := ask(t, "POST", "http://"+web+"/orders", `{"item": "socks", "cents": 990}`); !strings.Contains(got, `"id":1`) {
		t.Error(got)
	}
	for url, want := range map[string]string{
		"http://" + probes + "/readyz":               "ok",
		"http://" + probes + "/livez":                "ok",
		"http://" + probes + "/health":               `{"status":"`,
		"http://" + probes + "/metrics":              `tend_supervisor_ready{supervisor="shop/workers"} 1`,
		"http://" + debug + "/debug/tree/":           "<title>",
		"http://" + web + "/orders/1?wait":           `"state":"paid"`,
		"http://" + debug + "/debug/pprof/goroutine": "",
	} {
		if got := ask(t, "GET", url, ""); !strings.Contains(got, want) {
			t.Errorf("%s says %.200s", url, got)
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	said.await(t, "INFO ended code=0 ")
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// free is an address that nobody listens at.
func free(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func ask(t *testing.T, method, url, body string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Error(err)
	}
	return string(text)
}
