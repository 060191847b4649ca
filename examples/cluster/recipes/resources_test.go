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
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/cluster"
	"github.com/tend-go/tend/cluster/embedded"
	"github.com/tend-go/tend/cluster/tendetcd"
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

// etcd is one of the test's own. Nobody gets in without a certificate.
type etcd struct {
	addr string
	pki  *pki
}

func newEtcd(t *testing.T) etcd {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := etcd{l.Addr().String(), newPKI(t)}
	l.Close()
	ca, cert, key := e.pki.files("server")
	server := embedded.New(embedded.Options{Dir: t.TempDir(), Listen: e.addr, CAFile: ca, CertFile: cert, KeyFile: key, Volatile: true})
	serve(t, tend.Child{Service: server, ReadyTimeout: 30 * time.Second, Timeout: 10 * time.Second})
	return e
}

// as is how a user gets in: by the common name of a certificate.
func (e etcd) as(t *testing.T, user string) clientv3.Config {
	return clientv3.Config{Context: t.Context(), Endpoints: []string{e.addr}, TLS: e.pki.client(user), Logger: zap.NewNop()}
}

func (e etcd) client(t *testing.T, user string) *clientv3.Client {
	t.Helper()
	c, err := clientv3.New(e.as(t, user))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func (e etcd) engine(t *testing.T, user string) cluster.Engine {
	t.Helper()
	engine, err := tendetcd.Engine(e.as(t, user))
	if err != nil {
		t.Fatal(err)
	}
	return engine
}

// An owner writes to the engine as long as its claim is there, and not a moment longer.
func TestEtcd(t *testing.T) {
	e := newEtcd(t)
	client, engine := e.client(t, "root"), e.engine(t, "root")
	write := func(c cluster.Claim) error {
		return InEtcd(t.Context(), client, c, clientv3.OpPut("/data", c.Owner.Name))
	}
	first, stop := owns(t, engine, "a")
	if err := write(first); err != nil {
		t.Error(err)
	}
	stop()
	if err := write(first); !errors.Is(err, cluster.ErrStale) {
		t.Error("nobody owns it, and it is written:", err)
	}
	second, _ := owns(t, engine, "b")
	if err := write(second); err != nil {
		t.Error(err)
	}
	if err := write(first); !errors.Is(err, cluster.ErrStale) {
		t.Error(err)
	}
}

// A user without a password who may read and write below the fleet's prefix has all that a
// node needs, and no way to another fleet.
func TestEtcdPermissions(t *testing.T) {
	e := newEtcd(t)
	client, ctx := e.client(t, "root"), t.Context()
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	prefix := "/tend/1/shop/"
	must(client.RoleAdd(ctx, "shop"))
	must(client.RoleGrantPermission(ctx, "shop", prefix, clientv3.GetPrefixRangeEnd(prefix), clientv3.PermissionType(clientv3.PermReadWrite)))
	for user, role := range map[string]string{"shop": "shop", "root": "root"} {
		must(client.UserAddWithOptions(ctx, user, "", &clientv3.UserAddOptions{NoPassword: true}))
		must(client.UserGrantRole(ctx, user, role))
	}
	must(client.AuthEnable(ctx))

	first, stop := owns(t, e.engine(t, "shop"), "a")
	stop()
	second, stop := owns(t, e.engine(t, "shop"), "b")
	stop()
	if second.Token <= first.Token || second.Key != prefix+"c/billing/0" {
		t.Errorf("%+v, then %+v", first, second)
	}
	if err := lost(t, e.engine(t, "shop"), "bank"); !errors.Is(err, rpctypes.ErrPermissionDenied) {
		t.Error("a node of another fleet says", err)
	}
	for user, want := range map[string]error{"root": nil, "shop": rpctypes.ErrPermissionDenied, "stranger": rpctypes.ErrPermissionDenied} {
		if _, err := e.client(t, user).Put(ctx, "/tend/1/bank/m/c", ""); !errors.Is(err, want) {
			t.Errorf("%s in another fleet: %v", user, err)
		}
	}
}

// lost is what a node of that fleet says of the engine, which it has not got.
func lost(t *testing.T, e cluster.Engine, fleet string) error {
	t.Helper()
	said := make(chan error, 1)
	root := tend.New("lost", tend.Spec{EventHook: func(tend.Event) {}})
	root.Add(cluster.Join(cluster.Options{Fleet: fleet, Name: "c", Engine: e, EventHook: func(e cluster.Event) {
		if e.Kind == cluster.KindEngineLost {
			said <- e.Err // a second one would hang: it says so once
		}
	}}))
	root.ServeBackground(t.Context())
	defer root.Stop()
	return <-said
}

// owns is the claim of a singleton at a node, and what stops the node.
func owns(t *testing.T, e cluster.Engine, name string) (cluster.Claim, func()) {
	t.Helper()
	node := cluster.Join(cluster.Options{Fleet: "shop", Name: name, Engine: e, TTL: 2 * time.Second, EventHook: func(cluster.Event) {}})
	began := make(chan cluster.Claim, 1)
	root := tend.New(name, tend.Spec{EventHook: func(tend.Event) {}})
	root.Add(node)
	root.Add(cluster.Singleton(node, "billing", tend.Func("billing", func(ctx context.Context) error {
		c, _ := cluster.ClaimOf(ctx)
		select {
		case began <- c:
		default: // it runs again
		}
		<-ctx.Done()
		return nil
	})))
	root.ServeBackground(t.Context())
	t.Cleanup(root.Stop)
	return <-began, root.Stop
}
