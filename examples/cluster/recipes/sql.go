// Package recipes has ways to have a resource refuse the tokens of owners that were
// replaced. docs/cluster.md shows what is compiled, and tested on real resources, here.
package recipes

import (
	"context"
	"database/sql"

	"github.com/tend-go/tend/cluster"
)

// Schema is for PostgreSQL: a row for each shard, with the newest token that came, beside
// the tables of the program. A table of which an owner writes single rows alone may have
// the token in each row instead, as accounts has.
const Schema = `
CREATE TABLE fences (
	role  text   NOT NULL,
	shard int    NOT NULL,
	token bigint NOT NULL,
	PRIMARY KEY (role, shard)
);
CREATE TABLE accounts (
	name    text   PRIMARY KEY,
	balance bigint NOT NULL,
	token   bigint NOT NULL
);
`

// ShowSQL shows a token to the database. A service calls it when it starts, before it reads:
// from its return on nobody before it writes any more. It waits for transactions of the
// shard that are under way.
func ShowSQL(ctx context.Context, db *sql.DB, c cluster.Claim) error {
	r, err := db.ExecContext(ctx, `
		INSERT INTO fences (role, shard, token) VALUES ($1, $2, $3)
		ON CONFLICT (role, shard) DO UPDATE SET token = EXCLUDED.token
		WHERE fences.token <= EXCLUDED.token`, c.Role, c.Shard, c.Token)
	return stale(r, err)
}

// InSQL runs a transaction that only the owner can commit. Those of one owner do not wait
// for each other, and the next owner's ShowSQL waits for them.
func InSQL(ctx context.Context, db *sql.DB, c cluster.Claim, do func(tx *sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	var newest int64
	if err := tx.QueryRowContext(ctx, `
		SELECT token FROM fences WHERE role = $1 AND shard = $2
		FOR SHARE`, c.Role, c.Shard).Scan(&newest); err != nil {
		return err
	}
	if newest != c.Token {
		return cluster.ErrStale
	}
	if err := do(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// SetRowSQL writes one row, which has the token itself. Whoever reads first writes before
// that, too: SET token = $2 … RETURNING balance.
func SetRowSQL(ctx context.Context, db *sql.DB, name string, token, balance int64) error {
	r, err := db.ExecContext(ctx, `
		UPDATE accounts SET balance = $3, token = $2
		WHERE name = $1 AND token <= $2`, name, token, balance)
	return stale(r, err)
}

// stale is ErrStale if no row was found.
func stale(r sql.Result, err error) error {
	if err != nil {
		return err
	}
	n, err := r.RowsAffected()
	if err == nil && n == 0 {
		return cluster.ErrStale
	}
	return err
}
