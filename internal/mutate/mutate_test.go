package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestMutate: each change is made and tried; those that a test notices are killed, also
// if that has no end, and those that none does survive. Known ones are not tried.
func TestMutate(t *testing.T) {
	var out strings.Builder
	ok, err := mutate(t.Context(), &out, []string{"-first", "TestSteps", "-equivalent", "testdata/equivalent.txt", "testdata/sample/sample.go"})
	if err != nil || ok {
		t.Error(ok, err)
	}
	got := strings.Split(regexp.MustCompile(`(?m)^mutant [^,]*, [^,]*, (.*): testdata/sample/sample.go:`).ReplaceAllString(out.String(), "$1: "), "\n")
	slices.Sort(got)
	want := []string{
		"",
		"17 mutants, 1 survive",
		"SURVIVES: 7 Fee: price > 100 => price >= 100",
		"killed by TestFee: 10 Fee: express && fee > 0 => false",
		"killed by TestFee: 10 Fee: express => true",
		"killed by TestFee: 10 Fee: fee > 0 => fee >= 0",
		"killed by TestFee: 10 Fee: fee > 0 => true",
		"killed by TestFee: 11 Fee: fee += 5 => fee -= 5",
		"killed by TestFee: 11 Fee: fee += 5 => nothing",
		"killed by TestFee: 7 Fee: price > 100 => false",
		"killed by TestFee: 7 Fee: price > 100 => price > 101",
		"killed by TestFee: 7 Fee: price > 100 => true",
		"killed by TestFee: 8 Fee: fee = 0 => nothing",
		"killed by TestSteps, out of time: 19 Steps: n-- => n++",
		"killed by TestSteps, out of time: 19 Steps: n-- => nothing",
		"killed by TestSteps: 18 Steps: n != 0 => false",
		"killed by TestSteps: 18 Steps: n != 0 => n != 1",
		"killed by TestSteps: 20 Steps: steps++ => nothing",
		"killed by TestSteps: 20 Steps: steps++ => steps--",
		"not made any more, but listed as equivalent: sample.go Fee: fee > 0 => fee > 7",
		"sample.go Fee: price > 100 => price >= 100",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestSharesAreAll: each change is in one of them.
func TestSharesAreAll(t *testing.T) {
	list := func(args ...string) []string {
		var out strings.Builder
		if _, err := mutate(t.Context(), &out, append(args, "-list", "change.go", "try.go")); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(out.String(), "\n")
		slices.Sort(lines)
		return slices.Compact(lines)
	}
	var shares []string
	for _, turn := range []string{"0", "1", "20000"} {
		shares = append(shares, list("-share", "3", "-turn", turn)...)
	}
	slices.Sort(shares)
	if diff := cmp.Diff(list(), slices.Compact(shares)); diff != "" {
		t.Errorf("(-all +shares):\n%s", diff)
	}
}
