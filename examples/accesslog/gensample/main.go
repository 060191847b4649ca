// Command gensample writes the access log that comes with the accesslog example:
//
//	go run ./gensample > sample.log
//
// The log is invented, but looks like the log of a small shop: people, bots,
// scanners, a few requests that are odd and yet well-formed, and a few lines that
// are not. The same seed always makes the same log. Addresses and names are the
// ones reserved for documentation (RFC 5737, RFC 3849, RFC 2606).
package main

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"math"
	"math/rand/v2"
	"os"
	"time"
)

// What sample.log was made with.
const (
	sampleLines = 5200
	sampleSeed  = 20261102
	badEvery    = 290 // one line in so many is malformed, on average
)

func main() {
	if err := write(os.Stdout, sampleLines, sampleSeed); err != nil {
		log.Fatalf("gensample: %v", err)
	}
}

// write writes that many lines to w.
func write(w io.Writer, lines int, seed uint64) error {
	g := &generator{
		Rand: rand.New(rand.NewPCG(seed, 0)),
		now:  time.Date(2026, time.November, 2, 4, 0, 11, 0, time.FixedZone("", 3600)),
	}
	out := bufio.NewWriter(w)
	for range lines {
		line := g.line()
		if g.IntN(badEvery) == 0 {
			line = g.spoil(line)
		}
		if _, err := fmt.Fprintln(out, line); err != nil {
			return err
		}
	}
	return out.Flush()
}

type generator struct {
	*rand.Rand
	now time.Time
}

// line is one well-formed line in combined format.
func (g *generator) line() string {
	g.now = g.now.Add(time.Duration(g.ExpFloat64() * float64(7*time.Second)))
	switch n := g.IntN(1000); {
	case n < 40:
		return g.format(g.stranger(), g.scan(), "-", "Mozilla/5.0 zgrab/0.x")
	case n < 44: // the client opened a connection and said nothing
		return g.format(g.stranger(), request{"-", 408, -1}, "-", "-")
	case n < 48: // TLS spoken to the plain port
		return g.format(g.stranger(), request{`\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03`, 400, 226}, "-", "-")
	case n < 52: // a quote in the agent, escaped
		return g.format(g.visitor(), g.visit(), "-", `Mozilla/5.0 (compatible; \"curious\" crawler/0.3)`)
	case n < 150:
		return g.format(g.visitor(), g.visit(), "-", pick(g, bots))
	default:
		return g.format(g.visitor(), g.visit(), g.referer(), pick(g, browsers))
	}
}

func (g *generator) format(host string, r request, referer, agent string) string {
	user := "-"
	if g.IntN(60) == 0 {
		user = pick(g, users)
	}
	size := "-"
	if r.size >= 0 {
		size = fmt.Sprint(r.size)
	}
	return fmt.Sprintf(`%s - %s [%s] "%s" %d %s "%s" "%s"`,
		host, user, g.now.Format("02/Jan/2006:15:04:05 -0700"), r.text, r.status, size, referer, agent)
}

// request is a request line and what the server answered; size -1 is no body.
type request struct {
	text   string
	status int
	size   int
}

func (g *generator) visit() request {
	method, path, status := "GET", "", 200
	switch n := g.IntN(100); {
	case n < 35:
		path = pick(g, pages)
	case n < 60:
		path = fmt.Sprintf("/products/%d", 100+g.zipf(80))
	case n < 80:
		path = pick(g, assets)
	case n < 88:
		path = "/search?q=" + pick(g, words) + fmt.Sprintf("&page=%d", 1+g.zipf(9))
	case n < 94:
		method, path, status = "POST", "/cart", 303
	case n < 97:
		method, path = "HEAD", "/"
	default:
		path = fmt.Sprintf("/api/v1/orders/%d", 5000+g.IntN(400))
		method = pick(g, []string{"GET", "PUT", "DELETE"})
	}
	if g.IntN(100) < 12 {
		status = pick(g, []int{301, 304, 304, 304, 404, 404, 499, 500, 502, 503})
	}
	return request{method + " " + path + " " + pick(g, protocols), status, g.size(method, status)}
}

func (g *generator) scan() request {
	return request{"GET " + pick(g, scanned) + " HTTP/1.1", 404, 153}
}

// size is log-normal, as the sizes of files on the web are said to be.
func (g *generator) size(method string, status int) int {
	switch {
	case method == "HEAD" || status == 304:
		return -1
	case status >= 300:
		return 100 + g.IntN(80)
	}
	return int(math.Exp(8.5 + 1.1*g.NormFloat64()))
}

func (g *generator) visitor() string {
	if g.IntN(8) == 0 {
		return fmt.Sprintf("2001:db8:%x::%x", 1+g.zipf(12), 1+g.IntN(30))
	}
	return fmt.Sprintf("198.51.100.%d", 1+g.zipf(250))
}

func (g *generator) stranger() string { return fmt.Sprintf("203.0.113.%d", 1+g.IntN(254)) }

func (g *generator) referer() string {
	if g.IntN(3) == 0 {
		return "-"
	}
	return "https://shop.example" + pick(g, pages)
}

// zipf is a number below n, small ones far more often.
func (g *generator) zipf(n int) int {
	return int(math.Pow(float64(n+1), g.Float64())) - 1
}

// spoil makes of a good line one of the kinds of bad lines that real logs hold.
func (g *generator) spoil(line string) string {
	cut := len(line)/4 + g.IntN(len(line)/2)
	switch g.IntN(8) {
	case 0: // the disk was full
		return line[:cut]
	case 1: // … and then it was not: the next line goes on in the middle of this one
		return line[:cut] + g.line()
	case 2: // another program wrote to the same file
		return "nginx: [emerg] open() \"/etc/nginx/conf.d/shop.conf\" failed (2: No such file or directory)"
	case 3: // a proxy's own idea of a status
		return fmt.Sprintf(`%s - - [%s] "GET /cart HTTP/1.1" OK 512`, g.visitor(), g.now.Format("02/Jan/2006:15:04:05 -0700"))
	case 4: // a clock that lost its date
		return fmt.Sprintf(`%s - - [31/Feb/2026:00:00:00 +0100] "GET / HTTP/1.1" 200 2326`, g.visitor())
	case 5: // a block that never reached the disk
		return "\xef\xbf\xbd\xff\xfe\xff\xfe" + line[cut:]
	case 6: // a log shipper that stopped in the middle of a quote
		return fmt.Sprintf(`%s - - [%s] "GET /products/1`, g.visitor(), g.now.Format("02/Jan/2006:15:04:05 -0700"))
	default:
		return ""
	}
}

func pick[T any](g *generator, from []T) T { return from[g.IntN(len(from))] }

var (
	pages     = []string{"/", "/", "/", "/products", "/products", "/about", "/contact", "/cart", "/checkout", "/login", "/blog/2026/10/autumn-sale", "/blog/2026/09/how-we-pack"}
	assets    = []string{"/static/app.js?v=8f2c1", "/static/style.css?v=8f2c1", "/static/logo.svg", "/favicon.ico", "/static/fonts/inter.woff2", "/robots.txt"}
	words     = []string{"teapot", "green+tea", "kettle", "matcha", "caf%C3%A9", "cup", "earl+grey"}
	scanned   = []string{"/.env", "/wp-login.php", "/.git/config", "/phpmyadmin/", "/actuator/health", "/cgi-bin/luci", "/xmlrpc.php"}
	users     = []string{"alice", "bob", "carol"}
	protocols = []string{"HTTP/1.1", "HTTP/2.0", "HTTP/2.0", "HTTP/2.0"}
	bots      = []string{
		"Mozilla/5.0 (compatible; examplebot/2.1; +https://bot.example/)",
		"ExampleMonitor/1.4 (uptime check)",
		"curl/8.14.1",
	}
	browsers = []string{
		"Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Mobile/15E148 Safari/604.1",
		"Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
	}
)
