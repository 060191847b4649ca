package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/retry"
)

// charge has somebody pay for an order. It may be called again for the same one, and
// must not take the money twice.
type charge func(ctx context.Context, o order) error

var (
	errRefused = errors.New("the bank refuses")
	errBusy    = errors.New("the bank is busy")
)

// patience is how long an order waits for a bank that is busy, before the worker fails
// with it.
var patience = retry.Policy{Backoff: tend.Backoff{Min: 100 * time.Millisecond, Max: 2 * time.Second}, MaxElapsed: 10 * time.Second}

// patient asks again while the bank is busy. That it refuses is an answer.
func patient(c charge) charge {
	return func(ctx context.Context, o order) error {
		return patience.Do(ctx, func(ctx context.Context) error {
			err := c(ctx, o)
			if errors.Is(err, errRefused) {
				return retry.Permanent(err)
			}
			return err
		})
	}
}

// newBank is the bank at a URL; without one, a bank of our own to play with.
func newBank(url string) charge {
	if url == "" {
		return patient(toyBank())
	}
	return patient(func(ctx context.Context, o order) error { return post(ctx, url, o) })
}

// client follows no redirections: net/http would ask for the other page, without the
// order, and that there is such a page be taken for a payment.
var client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// post asks a bank. The key tells it which requests are the same.
func post(ctx context.Context, url string, o order) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	body, err := json.Marshal(o)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return retry.Permanent(err)
	}
	request.Header.Set("Idempotency-Key", strconv.FormatInt(o.ID, 10))
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
		return nil
	case http.StatusPaymentRequired:
		return errRefused
	default:
		return fmt.Errorf("%w: %s", errBusy, response.Status)
	}
}

// toyBank is busy every third time, refuses what is dear, and there is an item with
// which it crashes whoever asks.
func toyBank() charge {
	var asked atomic.Int64
	return func(_ context.Context, o order) error {
		switch {
		case o.Item == "unobtainium":
			_ = strings.Split(o.Item, " ")[1] // and there is none
		case o.Cents > 100_000:
			return errRefused
		case asked.Add(1)%3 == 0:
			return errBusy
		}
		return nil
	}
}
