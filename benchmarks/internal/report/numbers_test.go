package report

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/tend-go/tend/benchmarks/internal/scenario"
)

// What a series says of its samples, and that a round that does not know its
// processor time does not count as one that took none.
func TestASeriesKeepsWhatThePageShows(t *testing.T) {
	var r Run
	for _, cost := range []scenario.Cost{{Value: 7, Processor: 30}, {Value: 5}, {Value: 20, Processor: 10}, {Value: 6, Processor: 20}} {
		r.Add("flat", "tend", 1000, scenario.Results{"add": cost}, nil)
	}
	if len(r.Series) != 1 {
		t.Fatalf("%d series", len(r.Series))
	}
	got, want := *r.Series[0], Series{Key: Key{"flat", "add", "tend", 1000}, Rounds: 4, Median: 6.5, Min: 5, Max: 20, Processor: 20}
	got.samples, got.processor = nil, nil
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, expected %+v", got, want)
	}
}

// The page and all plots are the same whether they are made from what was measured
// or from the file.
func TestNothingThatThePageShowsIsLostInTheFile(t *testing.T) {
	measured := unevenRun()
	read, err := ReadNumbers(bytes.NewReader(numbersOf(t, measured)))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := pageOf(t, read), pageOf(t, measured); got != want {
		t.Errorf("the page of the file is\n%s\nexpected\n%s", got, want)
	}
	got, want := plotsOf(t, read), plotsOf(t, measured)
	if len(got) != len(want) || len(got) == 0 {
		t.Errorf("%d plots, expected %d", len(got), len(want))
	}
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("plot %s differs", name)
		}
	}
}

// A series is a line of the file, and so is each thing before them.
func TestTheFileHasALineForEachSeries(t *testing.T) {
	r := unevenRun()
	_, series, found := strings.Cut(string(numbersOf(t, r)), "\t\"Series\": [\n")
	lines := strings.Split(strings.TrimSuffix(series, "\n\t]\n}\n"), "\n")
	if !found || len(lines) != len(r.Series) {
		t.Fatalf("%d lines, expected %d", len(lines), len(r.Series))
	}
	const first = `		{"Scenario":"flat","Metric":"add","Peer":"raw","N":1000,"Rounds":3,"Median":104,"Min":101,"Max":111,"Processor":53},`
	if lines[0] != first {
		t.Errorf("the first is\n%s\nexpected\n%s", lines[0], first)
	}
}

// Which was measured first, a matter of chance, does not show.
func TestTheFileIsInTheOrderOfThePage(t *testing.T) {
	r := unevenRun()
	want := numbersOf(t, r)
	slices.Reverse(r.Series)
	if got := numbersOf(t, r); !bytes.Equal(got, want) {
		t.Errorf("the file is\n%s\nexpected\n%s", got, want)
	}
}

func TestARunOfNothingIsAFile(t *testing.T) {
	read, err := ReadNumbers(bytes.NewReader(numbersOf(t, NewRun(true))))
	if err != nil || len(read.Series) != 0 || !read.Short {
		t.Errorf("%+v, %v", read, err)
	}
}

// Samples, which the file once held, would be read as no numbers at all.
func TestNumbersOfAnotherFormAreRefused(t *testing.T) {
	if r, err := ReadNumbers(strings.NewReader(`{"Series": [{"Scenario": "flat", "Samples": [1, 2, 3]}]}`)); err == nil {
		t.Errorf("read as %+v", r)
	}
}

// After a change of the page or its numbers: go run ./benchmarks/cmd/compare -page
func TestTheCommittedPageIsMadeOfTheCommittedNumbers(t *testing.T) {
	docs := filepath.Join("..", "..", "..", "docs")
	numbers, err := os.ReadFile(filepath.Join(docs, "benchmarks", "numbers.json"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := ReadNumbers(bytes.NewReader(numbers))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for name, plot := range plotsOf(t, r) {
		files[filepath.Join("benchmarks", name)] = plot
	}
	files["benchmarks.md"] = pageOf(t, r)
	files[filepath.Join("benchmarks", "numbers.json")] = string(numbersOf(t, r))
	for name, want := range files {
		if got, err := os.ReadFile(filepath.Join(docs, name)); err != nil || string(got) != want {
			t.Errorf("docs/%s is not what the numbers say: %v", name, err)
		}
	}
}

// unevenRun is someRun with two rounds more, that took other times.
func unevenRun() *Run {
	r := someRun()
	for _, more := range []float64{10, 3} {
		for _, s := range r.Series {
			s.add(scenario.Cost{Value: s.samples[0] + more, Processor: s.processor[0] + more})
		}
	}
	return r
}

func numbersOf(t *testing.T, r *Run) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := r.WriteNumbers(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pageOf(t *testing.T, r *Run) string {
	t.Helper()
	var b strings.Builder
	if err := r.Markdown(&b, "benchmarks"); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// plotsOf are the plots by the names of their files.
func plotsOf(t *testing.T, r *Run) map[string]string {
	t.Helper()
	dir := t.TempDir()
	if err := r.Plots(dir); err != nil {
		t.Fatal(err)
	}
	plots := map[string]string{}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		plots[filepath.Base(file)] = string(text)
	}
	return plots
}
