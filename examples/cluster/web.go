package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/tend-go/tend/cluster"
)

// ownerHeader says where a shard is: "<address> <token>".
const ownerHeader = "Tend-Owner"

// web is what a node answers: for accounts that are here, and where the others are.
type web struct{ accounts *cluster.Role[*accounts] }

func newWeb(r *cluster.Role[*accounts], page http.Handler) http.Handler {
	w := web{r}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /accounts/{name}", w.show)
	mux.HandleFunc("POST /accounts/{name}", w.deposit)
	mux.Handle("/debug/tree/", http.StripPrefix("/debug/tree", page))
	return mux
}

func (w web) show(rw http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	w.answer(rw, r, func(ctx context.Context, a *accounts) (int, error) { return a.balance(ctx, name) })
}

func (w web) deposit(rw http.ResponseWriter, r *http.Request) {
	var d deposit
	if err := json.NewDecoder(http.MaxBytesReader(rw, r.Body, 4<<10)).Decode(&d); err != nil {
		http.Error(rw, `a deposit looks like {"Number": 1, "Amount": 5}`, http.StatusBadRequest)
		return
	}
	name := r.PathValue("name")
	w.answer(rw, r, func(ctx context.Context, a *accounts) (int, error) { return a.deposit(ctx, name, d) })
}

// answer asks the service of the account's shard, if it is here.
func (w web) answer(rw http.ResponseWriter, r *http.Request, ask func(context.Context, *accounts) (int, error)) {
	var balance int
	err := w.accounts.Do(r.Context(), r.PathValue("name"), func(ctx context.Context, a *accounts) (err error) {
		balance, err = ask(ctx, a)
		return err
	})
	var no *cluster.NotOwner
	switch {
	case errors.As(err, &no):
		elsewhere(rw, r, no.Claim)
	case err != nil:
		http.Error(rw, err.Error(), http.StatusServiceUnavailable)
	default:
		_ = json.NewEncoder(rw).Encode(balance) // whoever does not read it does not want it
	}
}

// elsewhere says that nothing was done, and where to go: programs read the header, browsers
// follow the Location. Without the header nobody has the shard, as far as this node knows.
func elsewhere(rw http.ResponseWriter, r *http.Request, c cluster.Claim) {
	if c.Token != 0 {
		rw.Header().Set(ownerHeader, fmt.Sprintf("%s %d", c.Owner.Addr, c.Token))
	}
	if c.Token != 0 && strings.Contains(r.Header.Get("Accept"), "text/html") {
		http.Redirect(rw, r, "http://"+c.Owner.Addr+r.URL.Path, http.StatusTemporaryRedirect)
		return
	}
	http.Error(rw, "this account is not here", http.StatusMisdirectedRequest)
}
