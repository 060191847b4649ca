package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"sync"

	"github.com/tend-go/tend/cluster"
)

// An account is what the vault keeps of one. Last is the number of the last deposit: one that
// comes again is known by it.
type account struct{ Balance, Last int }

// A book is what the vault keeps of a shard: its accounts, and how many days were closed.
type book struct {
	Day      int
	Accounts map[string]account
}

// vault is the resource that must not have two masters. Each request shows a token, reading
// included, and the fence is asked under the lock that guards the books.
type vault struct {
	notes    *notes
	takesAll bool // as if there were no fence

	mu      sync.Mutex
	fence   cluster.Fence
	books   map[string]*book
	newest  map[string]int64
	refused []refusal
}

// A refusal is a request with an old token.
type refusal struct {
	process, shard string
	token, newest  int64
}

func (r refusal) String() string {
	return fmt.Sprintf("%s writes to %s: token %d refused, newest is %d", r.process, r.shard, r.token, r.newest)
}

func newVault(n *notes, takesAll bool) *vault {
	return &vault{notes: n, takesAll: takesAll, books: map[string]*book{}, newest: map[string]int64{}}
}

func (v *vault) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /books/{role}/{shard}", v.fenced(func(*book, *http.Request, []byte) error { return nil }))
	mux.HandleFunc("PUT /books/{role}/{shard}/day", v.fenced(putDay))
	mux.HandleFunc("PUT /books/{role}/{shard}/accounts/{name}", v.fenced(putAccount))
	return mux
}

// fenced does something to a book, and answers with the book, if the token is not old.
func (v *vault) fenced(do func(b *book, r *http.Request, body []byte) error) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, 4<<10))
		if err != nil {
			http.Error(rw, err.Error(), http.StatusBadRequest)
			return
		}
		v.mu.Lock()
		defer v.mu.Unlock()
		b, err := v.admit(r)
		if err != nil {
			http.Error(rw, err.Error(), http.StatusPreconditionFailed)
			return
		}
		if err := do(b, r, body); err != nil {
			http.Error(rw, err.Error(), http.StatusBadRequest)
			return
		}
		_ = json.NewEncoder(rw).Encode(b) // whoever does not read it does not want it
	}
}

// admit is the book that a request is about, if its token is not old.
func (v *vault) admit(r *http.Request) (*book, error) {
	shard := r.PathValue("role") + "/" + r.PathValue("shard")
	token, _ := strconv.ParseInt(r.Header.Get(tokenHeader), 10, 64) // 0 is refused
	err := v.fence.Admit(shard, token)
	v.notes.put(note{What: "act", Process: r.UserAgent(), Shard: shard, Token: token, Taken: err == nil || v.takesAll})
	if err != nil && !v.takesAll {
		v.refused = append(v.refused, refusal{r.UserAgent(), shard, token, v.newest[shard]})
		return nil, err
	}
	v.newest[shard] = max(v.newest[shard], token)
	if v.books[shard] == nil {
		v.books[shard] = &book{Accounts: map[string]account{}}
	}
	return v.books[shard], nil
}

func putDay(b *book, _ *http.Request, body []byte) (err error) {
	return json.Unmarshal(body, &b.Day)
}

func putAccount(b *book, r *http.Request, body []byte) error {
	var a account
	if err := json.Unmarshal(body, &a); err != nil {
		return err
	}
	b.Accounts[r.PathValue("name")] = a
	return nil
}

// refusals are those after the first so many.
func (v *vault) refusals(after int) []refusal {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.refused[after:len(v.refused):len(v.refused)]
}

// account is what the vault has of one, wherever it is.
func (v *vault) account(name string) account {
	v.mu.Lock()
	defer v.mu.Unlock()
	for b := range maps.Values(v.books) {
		if a, ok := b.Accounts[name]; ok {
			return a
		}
	}
	return account{}
}
