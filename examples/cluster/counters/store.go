package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"

	"github.com/tend-go/tend/cluster"
)

// tokenHeader shows a claim: its key and its token.
const (
	claimHeader = "Counters-Claim"
	tokenHeader = "Counters-Token"
)

// store keeps the counters. It takes nothing from who was replaced, as it remembers the newest
// token of each claim; a real one keeps that with the data.
type store struct {
	mu      sync.Mutex
	fence   cluster.Fence
	values  map[string]value
	refused int
}

func newStore() *store { return &store{values: map[string]value{}} }

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<10))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	token, _ := strconv.ParseInt(r.Header.Get(tokenHeader), 10, 64) // 0 is refused
	key := r.URL.Query().Get("key")
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.fence.Admit(r.Header.Get(claimHeader), token); err != nil {
		s.refused++
		http.Error(w, err.Error(), http.StatusPreconditionFailed)
		return
	}
	if r.Method == http.MethodPut {
		var v value
		if err := json.Unmarshal(body, &v); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.values[key] = v
	}
	_ = json.NewEncoder(w).Encode(s.values[key]) // who does not read it does not want it
}

// judge says what is wrong with the values of so many keys, each counted that often.
func (s *store) judge(keys, rounds int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	lost, doubled := 0, 0
	for i := range keys {
		n := s.values[keyOf(i)].N
		lost += max(rounds-n, 0)
		doubled += max(n-rounds, 0)
	}
	if lost > 0 || doubled > 0 {
		return fmt.Errorf("%d increments lost, %d doubled", lost, doubled)
	}
	return nil
}

// storeClient is the store as a node has it.
type storeClient struct {
	url    string
	client *http.Client
}

func newStoreClient(url string) storeClient {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 256
	return storeClient{url, &http.Client{Transport: t}}
}

func (s storeClient) get(ctx context.Context, c cluster.Claim, key string) (value, error) {
	return s.do(ctx, c, http.MethodGet, key, nil)
}

func (s storeClient) put(ctx context.Context, c cluster.Claim, key string, v value) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = s.do(ctx, c, http.MethodPut, key, body)
	return err
}

func (s storeClient) do(ctx context.Context, c cluster.Claim, method, key string, body []byte) (v value, err error) {
	r, err := http.NewRequestWithContext(ctx, method, s.url+"?key="+key, bytes.NewReader(body))
	if err != nil {
		return v, err
	}
	r.Header.Set(claimHeader, c.Key)
	r.Header.Set(tokenHeader, strconv.FormatInt(c.Token, 10))
	res, err := s.client.Do(r)
	if err != nil {
		return v, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 1<<10))
		return v, fmt.Errorf("the store says %s: %s", res.Status, bytes.TrimSpace(text))
	}
	return v, json.NewDecoder(res.Body).Decode(&v)
}
