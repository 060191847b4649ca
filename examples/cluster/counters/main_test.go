package main

import (
	"bytes"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/tend-go/tend/cluster"
)

// TestMain makes the test binary a node if the driver starts it as one.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "node" {
		main()
	}
	os.Exit(m.Run())
}

// TestRun is the program as it is, with fewer keys: a node is killed in the middle, questions
// are asked again, and each increment is there, once.
func TestRun(t *testing.T) {
	var out, err bytes.Buffer
	code := run(t.Context(), []string{"-keys", "3000", "-v"}, &out, &err)
	for _, want := range []string{"node-2 is killed\n", "6000 increments in ", "each increment is there, once\n"} {
		if code != 0 || !strings.Contains(out.String(), want) {
			t.Fatalf("exit code %d, and it does not say %q:\n%s\n%s", code, want, &out, &err)
		}
	}
	if strings.Contains(out.String(), " 0 questions were asked again") {
		t.Error("the kill has met no question:", &out)
	}
}

// TestJudge finds what is missing, and what is there twice.
func TestJudge(t *testing.T) {
	s := newStore()
	s.values = map[string]value{keyOf(0): {N: 2}, keyOf(1): {N: 1}, keyOf(2): {N: 4}}
	if err := s.judge(3, 2); err == nil || err.Error() != "1 increments lost, 2 doubled" {
		t.Error(err)
	}
	if err := s.judge(1, 2); err != nil {
		t.Error(err)
	}
}

// TestACounterThatWasReplaced cannot write, and does not count what it has counted.
func TestACounterThatWasReplaced(t *testing.T) {
	s := newStore()
	client := served(t, s)
	ctx, claim := t.Context(), cluster.Claim{Key: "c/0", Token: 1}
	old := &counter{key: "k", store: client, claim: claim}
	for range 2 { // the second time it is done already
		if n, err := old.Handle(ctx, add{1}); n != 1 || err != nil {
			t.Error(n, err)
		}
	}
	claim.Token = 2
	v, err := client.get(ctx, claim, "k") // what its successor does first
	if err != nil || v != (value{1, 1}) {
		t.Error(v, err)
	}
	if _, err := old.Handle(ctx, add{2}); err == nil || !strings.Contains(err.Error(), "412") || s.refusals() != 1 || s.values["k"] != v {
		t.Error(err, s.refusals(), s.values)
	}
}

// TestFlags: what makes no sense is refused.
func TestFlags(t *testing.T) {
	for _, args := range [][]string{{"-keys", "0"}, {"x"}, {"-nothing"}} {
		if code := run(t.Context(), args, &bytes.Buffer{}, &bytes.Buffer{}); code != 2 {
			t.Error(args, code)
		}
	}
	if code := run(t.Context(), []string{"-h"}, &bytes.Buffer{}, &bytes.Buffer{}); code != 0 {
		t.Error("-h", code)
	}
}

func served(t *testing.T, s *store) storeClient {
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return newStoreClient(server.URL)
}
