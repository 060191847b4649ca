package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/tend-go/tend/cluster"
)

// customer is whose account is followed through all that happens.
const customer = "alice"

// teller makes one deposit after another, wherever the account is.
type teller struct {
	accounts *cluster.Role[*accounts] // takes none: it only looks up
	say      func(format string, args ...any)
	made     atomic.Int64
}

func (t *teller) String() string { return "teller" }

// Serve makes deposits until ctx ends. One that was not answered is sent again under the
// same number, so it is made once.
func (t *teller) Serve(ctx context.Context) error {
	var at cluster.Claim
	last := time.Now()
	for number := int(t.made.Load()) + 1; ctx.Err() == nil; {
		now, err := t.deposit(ctx, deposit{number, 1})
		if err != nil {
			continue // each attempt has a limit of its own
		}
		if at.Token != 0 && now.Token != at.Token {
			t.say("   %s's account is with %s now, under token %d: a deposit had to wait for %v", customer, now.Owner.Name, now.Token, round(time.Since(last)))
		}
		at, last = now, time.Now()
		t.made.Store(int64(number))
		number++
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	return nil
}

// deposit goes where the account is. The claim is that of who has answered.
func (t *teller) deposit(ctx context.Context, d deposit) (by cluster.Claim, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	err = t.accounts.Call(ctx, customer, func(ctx context.Context, at cluster.Claim) error {
		by = at
		return post(ctx, at, d)
	})
	if c, ok := t.accounts.Owner(customer); ok && c.Token == by.Token {
		by = c // with its name: an owner that was named in an answer is an address
	}
	return by, err
}

// post asks one node. A NotOwner says that nothing was done, and Call goes elsewhere or waits;
// any other error may have come after it was done.
func post(ctx context.Context, at cluster.Claim, d deposit) error {
	body, err := json.Marshal(d)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+at.Owner.Addr+"/accounts/"+customer, bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if dial, ok := errors.AsType[*net.OpError](err); ok && dial.Op == "dial" {
		return &cluster.NotOwner{Claim: at} // nobody is there, so nothing was done
	}
	if err != nil {
		return err
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
		return nil
	case http.StatusMisdirectedRequest:
		return &cluster.NotOwner{Claim: namedBy(response.Header)}
	default:
		why, _ := io.ReadAll(response.Body)
		return fmt.Errorf("%s says %s: %s", at.Owner.Name, response.Status, why)
	}
}

// namedBy is who has the shard, as a node says that has it not; without a token: nobody.
func namedBy(h http.Header) (c cluster.Claim) {
	if _, err := fmt.Sscan(h.Get(ownerHeader), &c.Owner.Addr, &c.Token); err != nil {
		return cluster.Claim{}
	}
	return c
}
