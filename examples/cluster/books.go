package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/tend-go/tend/cluster"
)

// tokenHeader is how the vault gets the token of whoever comes.
const tokenHeader = "Tend-Token"

// books is the vault as the owner of a shard has it. Every call is made under a claim, and
// shows its token.
type books struct{ url string }

// open reads the book of the shard that ctx is owner of. From then on the vault refuses the
// shard's earlier owners: so nothing that is read here changes behind its reader's back.
func (b books) open(ctx context.Context) (book, error) {
	return b.do(ctx, http.MethodGet, "", nil)
}

func (b books) put(ctx context.Context, name string, a account) error {
	_, err := b.do(ctx, http.MethodPut, "/accounts/"+name, a)
	return err
}

func (b books) putDay(ctx context.Context, day int) error {
	_, err := b.do(ctx, http.MethodPut, "/day", day)
	return err
}

func (b books) do(ctx context.Context, method, path string, body any) (found book, err error) {
	c, _ := cluster.ClaimOf(ctx)
	data, err := json.Marshal(body)
	if err != nil {
		return found, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, b.url+"/books/"+shardName(c)+path, bytes.NewReader(data))
	if err != nil {
		return found, err
	}
	request.Header.Set(tokenHeader, strconv.FormatInt(c.Token, 10))
	request.Header.Set("User-Agent", processName(c.Owner.Name, os.Getpid()))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return found, err
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
		return found, json.NewDecoder(response.Body).Decode(&found)
	case http.StatusPreconditionFailed:
		return found, cluster.ErrStale
	default:
		why, _ := io.ReadAll(response.Body)
		return found, fmt.Errorf("the vault says %s: %s", response.Status, why)
	}
}

// aDay is how long it takes to close one.
const aDay = 40 * time.Millisecond

// closeDays closes one day after another until ctx ends: it works for a while, without a
// look at its context, and then writes what it has come to, whatever has happened meanwhile.
// That is how a process that is paused in between writes under a claim that is long over.
// Check cannot help there, as it comes before; only the token does.
func (b books) closeDays(ctx context.Context, day int) error {
	for ; ctx.Err() == nil && cluster.Check(ctx) == nil; day++ {
		time.Sleep(aDay)
		switch err := b.putDay(context.WithoutCancel(ctx), day); {
		case errors.Is(err, cluster.ErrStale):
			<-ctx.Done() // replaced: it will hear of it in a moment
		case err != nil:
			return err
		}
	}
	<-ctx.Done()
	return nil
}
