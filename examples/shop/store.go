package main

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"sync/atomic"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/tend-go/tend"
)

// order is what a customer wants. It is new, then in charge of a worker, and in the end
// paid, refused or failed.
type order struct {
	ID    int64  `json:"id"`
	Item  string `json:"item"`
	Cents int64  `json:"cents"`
	State string `json:"state"`
}

// store is the database, as a service: it is open while the service runs. What else
// keeps orders is up to those who use it, and they start after it and stop before.
type store struct {
	path string
	open atomic.Pointer[sql.DB]
	news news
}

func newStore(path string) *store { return &store{path: path} }

func (s *store) String() string { return "database" }

const schema = `CREATE TABLE IF NOT EXISTS orders (
	id INTEGER PRIMARY KEY, item TEXT NOT NULL, cents INTEGER NOT NULL, state TEXT NOT NULL DEFAULT 'new',
	worker TEXT NOT NULL DEFAULT '', tries INTEGER NOT NULL DEFAULT 0, at INTEGER NOT NULL DEFAULT (unixepoch()))`

// Serve opens the database and says when it can be used. If it cannot be opened the
// supervisor tries again, later each time.
func (s *store) Serve(ctx context.Context) error {
	db, err := sql.Open("sqlite", "file:"+s.path+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)")
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // SQLite has one writer; others wait here rather than fail there
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return err
	}
	s.open.Store(db)
	defer s.open.Store(nil)
	tend.Ready(ctx)
	<-ctx.Done()
	return nil
}

var errClosed = errors.New("the database is not open")

func (s *store) db() (*sql.DB, error) {
	if db := s.open.Load(); db != nil {
		return db, nil
	}
	return nil, errClosed
}

// ping is a health check.
func (s *store) ping(ctx context.Context) error {
	db, err := s.db()
	if err != nil {
		return err
	}
	return db.PingContext(ctx)
}

// row runs a statement that answers with one order; sql.ErrNoRows if with none.
func (s *store) row(ctx context.Context, statement string, args ...any) (o order, err error) {
	db, err := s.db()
	if err != nil {
		return o, err
	}
	err = db.QueryRowContext(ctx, statement, args...).Scan(&o.ID, &o.Item, &o.Cents, &o.State)
	return o, err
}

// change runs a statement, and tells who waits for news if it has changed anything.
func (s *store) change(ctx context.Context, statement string, args ...any) error {
	db, err := s.db()
	if err != nil {
		return err
	}
	result, err := db.ExecContext(ctx, statement, args...)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n > 0 {
		s.news.tell()
	}
	return nil
}

func (s *store) add(ctx context.Context, item string, cents int64) (order, error) {
	defer s.news.tell()
	return s.row(ctx, `INSERT INTO orders (item, cents) VALUES (?, ?) RETURNING id, item, cents, state`, item, cents)
}

func (s *store) find(ctx context.Context, id int64) (order, error) {
	return s.row(ctx, `SELECT id, item, cents, state FROM orders WHERE id = ?`, id)
}

// take puts the oldest new order into the hands of a worker; sql.ErrNoRows if there is
// none.
func (s *store) take(ctx context.Context, worker string) (order, error) {
	return s.row(ctx, `UPDATE orders SET state = 'in charge', worker = ?, tries = tries + 1
		WHERE id = (SELECT id FROM orders WHERE state = 'new' ORDER BY id LIMIT 1) RETURNING id, item, cents, state`, worker)
}

func (s *store) settle(ctx context.Context, o order, state string) error {
	return s.change(ctx, `UPDATE orders SET state = ? WHERE id = ?`, state, o.ID)
}

// putBack makes an order new again that a worker had to leave when it was told to stop: that
// is no failure with it.
func (s *store) putBack(ctx context.Context, o order) error {
	return s.change(ctx, `UPDATE orders SET state = 'new', tries = tries - 1 WHERE id = ?`, o.ID)
}

// maxTries is how many workers may fail with an order in hand before nobody takes it any
// more.
const maxTries = 3

// giveBack takes an order out of the hands of a worker that did not settle it.
func (s *store) giveBack(ctx context.Context, worker string) error {
	return s.change(ctx, `UPDATE orders SET state = CASE WHEN tries < ? THEN 'new' ELSE 'failed' END
		WHERE state = 'in charge' AND worker = ?`, maxTries, worker)
}

// expire refuses what nobody has paid for an hour.
func (s *store) expire(ctx context.Context) error {
	return s.change(ctx, `UPDATE orders SET state = 'refused' WHERE state = 'new' AND at < unixepoch() - 3600`)
}

// news wakes those who wait for a change.
type news struct {
	mu   sync.Mutex
	next chan struct{}
}

// wait returns a channel that is closed at the next change.
func (n *news) wait() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.next == nil {
		n.next = make(chan struct{})
	}
	return n.next
}

func (n *news) tell() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.next != nil {
		close(n.next)
		n.next = nil
	}
}
