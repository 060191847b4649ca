//go:build linux

package recipes

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	_ "github.com/lib/pq"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/cluster"
	"github.com/tend-go/tend/cluster/embedded"
	"github.com/tend-go/tend/process"
)

// serve runs a service until the test ends, once it is ready.
func serve(t *testing.T, svc tend.Child) {
	t.Helper()
	root := tend.New("root", tend.Spec{})
	root.Add(svc)
	ctx, cancel := context.WithCancel(t.Context())
	done := root.ServeBackground(ctx)
	t.Cleanup(func() {
		cancel()
		<-done
	})
	soon, stop := context.WithTimeout(ctx, time.Minute) // so that a hang fails
	defer stop()
	if err := root.WaitReady(soon); err != nil {
		t.Fatal(err, root.Status())
	}
}

// postgres is a real one, of the test's own. It does not run as root.
func postgres(t *testing.T) *sql.DB {
	t.Helper()
	server, initdb := find("postgres"), find("initdb")
	if server == "" || initdb == "" {
		t.Skip("there is no PostgreSQL: postgres and initdb are neither in PATH nor where Debian has them")
	}
	dir, err := os.MkdirTemp("", "pg") //nolint:usetesting // the path of its socket has to be short, and another user's to enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	as := owner(t, dir)
	data := filepath.Join(dir, "data")
	cmd := exec.CommandContext(t.Context(), initdb, "-D", data, "-A", "trust", "-U", "tend", "-E", "UTF8", "--no-locale", "--no-sync")
	cmd.Dir = dir
	cmd.SysProcAttr = as
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	db, err := sql.Open("postgres", "host="+dir+" user=tend dbname=postgres sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	serve(t, (&process.Command{
		Path: server, Args: []string{"-D", data, "-k", dir, "-c", "listen_addresses=", "-c", "fsync=off"}, Dir: dir,
		Setup:      func(cmd *exec.Cmd) error { cmd.SysProcAttr = as; return nil },
		Ready:      process.ReadyCheck(50*time.Millisecond, db.PingContext),
		StopSignal: syscall.SIGINT, StopLeader: true,
	}).Child())
	t.Cleanup(func() { db.Close() })
	if _, err := db.ExecContext(t.Context(), Schema); err != nil {
		t.Fatal(err)
	}
	return db
}

func find(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if len(found) == 0 {
		return ""
	}
	return found[len(found)-1]
}

// owner gives the directory to the user that PostgreSQL is to run as: another one if the
// test is root.
func owner(t *testing.T, dir string) *syscall.SysProcAttr {
	t.Helper()
	if os.Getuid() != 0 {
		return &syscall.SysProcAttr{}
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.Atoi(u.Uid)
		gid, errGID := strconv.Atoi(u.Gid)
		if err := errors.Join(errUID, errGID, os.Chown(dir, uid, gid)); err != nil {
			t.Fatal(err)
		}
		return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
	t.Skip("PostgreSQL does not run as root, and there is no user postgres or nobody")
	return nil
}

var (
	older = cluster.Claim{Role: "orders", Shard: 17, Token: 41}
	newer = cluster.Claim{Role: "orders", Shard: 17, Token: 57}
)

// What an owner writes stands until the next one has shown its token, and nothing after that.
func TestSQL(t *testing.T) {
	db, ctx := postgres(t), t.Context()
	deposit := func(c cluster.Claim, amount int) error {
		return InSQL(ctx, db, c, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, `INSERT INTO accounts VALUES ('alice', $1, 0)
				ON CONFLICT (name) DO UPDATE SET balance = accounts.balance + EXCLUDED.balance`, amount)
			return err
		})
	}
	for _, step := range []struct {
		what string
		err  error
		want error
	}{
		{"a write before the token was shown", deposit(older, 1), sql.ErrNoRows},
		{"the first token", ShowSQL(ctx, db, older), nil},
		{"the same again", ShowSQL(ctx, db, older), nil},
		{"a write", deposit(older, 2), nil},
		{"the next token", ShowSQL(ctx, db, newer), nil},
		{"the old token", ShowSQL(ctx, db, older), cluster.ErrStale},
		{"a write of the old owner", deposit(older, 4), cluster.ErrStale},
		{"a write of the next", deposit(newer, 8), nil},
		{"another shard's token", ShowSQL(ctx, db, cluster.Claim{Role: "orders", Shard: 3, Token: 2}), nil},
	} {
		if !errors.Is(step.err, step.want) {
			t.Errorf("%s: %v", step.what, step.err)
		}
	}
	if n := balance(t, db); n != 10 {
		t.Errorf("the balance is %d", n)
	}
}

func balance(t *testing.T, db *sql.DB) (n int) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), `SELECT balance FROM accounts WHERE name = 'alice'`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// The next owner waits for what the old one has under way, and reads what came of it.
func TestSQLWaits(t *testing.T) {
	db, ctx := postgres(t), t.Context()
	if err := ShowSQL(ctx, db, older); err != nil {
		t.Fatal(err)
	}
	began, goOn, over := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		over <- InSQL(ctx, db, older, func(tx *sql.Tx) error {
			close(began)
			<-goOn
			_, err := tx.ExecContext(ctx, `INSERT INTO accounts VALUES ('alice', 5, 0)`)
			return err
		})
	}()
	<-began
	shown := make(chan int, 1)
	go func() {
		if err := ShowSQL(ctx, db, newer); err != nil {
			t.Error(err)
		}
		var n int
		if err := db.QueryRowContext(ctx, `SELECT balance FROM accounts WHERE name = 'alice'`).Scan(&n); err != nil {
			t.Error(err)
		}
		shown <- n
	}()
	for waits := 0; waits == 0; {
		if err := db.QueryRowContext(ctx, `SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'`).Scan(&waits); err != nil {
			t.Fatal(err)
		}
		select {
		case <-shown:
			t.Fatal("the next owner has not waited")
		default:
		}
	}
	close(goOn)
	if err := <-over; err != nil {
		t.Error(err)
	}
	if n := <-shown; n != 5 {
		t.Errorf("the next owner reads %d", n)
	}
}

// A row that has its token itself.
func TestSQLRow(t *testing.T) {
	db, ctx := postgres(t), t.Context()
	if _, err := db.ExecContext(ctx, `INSERT INTO accounts VALUES ('alice', 0, 0)`); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		token, balance int64
		want           error
	}{{41, 1, nil}, {41, 2, nil}, {57, 3, nil}, {41, 4, cluster.ErrStale}} {
		if err := SetRowSQL(ctx, db, "alice", step.token, step.balance); !errors.Is(err, step.want) {
			t.Errorf("%+v: %v", step, err)
		}
	}
	if n := balance(t, db); n != 3 {
		t.Errorf("the balance is %d", n)
	}
}

// An owner writes to the engine as long as its claim is there, and not a moment longer.
func TestEtcd(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	etcd := embedded.New(embedded.Options{Dir: t.TempDir(), Listen: addr, Volatile: true})
	serve(t, tend.Child{Service: etcd, ReadyTimeout: 30 * time.Second, Timeout: 10 * time.Second})
	engine, err := etcd.Engine()
	if err != nil {
		t.Fatal(err)
	}
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{addr}})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	own := func(name string) (cluster.Claim, func()) { return owns(t, engine, name) }
	write := func(c cluster.Claim) error {
		return InEtcd(t.Context(), client, c, clientv3.OpPut("/data", c.Owner.Name))
	}

	first, stop := own("a")
	if err := write(first); err != nil {
		t.Error(err)
	}
	stop()
	if err := write(first); !errors.Is(err, cluster.ErrStale) {
		t.Error("nobody owns it, and it is written:", err)
	}
	second, _ := own("b")
	if err := write(second); err != nil {
		t.Error(err)
	}
	if err := write(first); !errors.Is(err, cluster.ErrStale) {
		t.Error(err)
	}
}

// owns is the claim of a singleton at a node, and what stops the node.
func owns(t *testing.T, engine cluster.Engine, name string) (cluster.Claim, func()) {
	t.Helper()
	node := cluster.Join(cluster.Options{Fleet: "f", Name: name, Engine: engine, TTL: 2 * time.Second, EventHook: func(cluster.Event) {}})
	began := make(chan cluster.Claim, 1)
	root := tend.New(name, tend.Spec{EventHook: func(tend.Event) {}})
	root.Add(node)
	root.Add(cluster.Singleton(node, "billing", tend.Func("billing", func(ctx context.Context) error {
		c, _ := cluster.ClaimOf(ctx)
		began <- c
		<-ctx.Done()
		return nil
	})))
	root.ServeBackground(t.Context())
	t.Cleanup(root.Stop)
	return <-began, root.Stop
}
