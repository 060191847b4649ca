package tend_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
)

// annotated is what becomes of attributes that a service notes.
func annotated(t *testing.T, attrs ...slog.Attr) []slog.Attr {
	t.Helper()
	s, _, _ := serve(t, tend.Spec{}, tend.Func("a", func(ctx context.Context) error {
		tend.Annotate(ctx, attrs...)
		return obey(ctx)
	}))
	synctest.Wait()
	return s.Status().Services[0].Annotations
}

// resolved is a value that says what it is when it is asked.
type resolved struct{ v slog.Value }

func (r resolved) LogValue() slog.Value { return r.v }

// TestAnnotatedValues are what they were if JSON has a word for them, and texts if not.
func TestAnnotatedValues(t *testing.T) {
	year := func(n int) time.Time { return time.Date(n, 6, 1, 0, 0, 0, 0, time.UTC) }
	const most = 1 << 10
	for name, c := range map[string]struct{ noted, want slog.Value }{
		"a bool":                    {slog.BoolValue(true), slog.BoolValue(true)},
		"a duration":                {slog.DurationValue(1), slog.DurationValue(1)},
		"a number":                  {slog.Int64Value(math.MinInt64), slog.Int64Value(math.MinInt64)},
		"a small unsigned one":      {slog.Uint64Value(math.MaxInt64), slog.Int64Value(math.MaxInt64)},
		"a large unsigned one":      {slog.Uint64Value(math.MaxInt64 + 1), slog.Uint64Value(math.MaxInt64 + 1)},
		"one with a fraction":       {slog.Float64Value(0.5), slog.Float64Value(0.5)},
		"no number":                 {slog.Float64Value(math.NaN()), slog.StringValue("NaN")},
		"infinite":                  {slog.Float64Value(math.Inf(1)), slog.StringValue("+Inf")},
		"infinitely less":           {slog.Float64Value(math.Inf(-1)), slog.StringValue("-Inf")},
		"the first year":            {slog.TimeValue(year(0)), slog.TimeValue(year(0))},
		"the last year":             {slog.TimeValue(year(9999)), slog.TimeValue(year(9999))},
		"before the first":          {slog.TimeValue(year(-1)), slog.StringValue(year(-1).String())},
		"after the last":            {slog.TimeValue(year(10000)), slog.StringValue(year(10000).String())},
		"a text":                    {slog.StringValue("a\nb"), slog.StringValue("a b")},
		"the longest text":          {slog.StringValue(strings.Repeat("x", most)), slog.StringValue(strings.Repeat("x", most))},
		"a longer one":              {slog.StringValue(strings.Repeat("x", most+1)), slog.StringValue(strings.Repeat("x", most) + "…")},
		"anything":                  {slog.AnyValue([]int{1, 2}), slog.StringValue("[1 2]")},
		"what has to be asked":      {slog.AnyValue(resolved{slog.IntValue(7)}), slog.IntValue(7)},
		"a group":                   {slog.GroupValue(slog.Int("a", 1), slog.Any("b", resolved{slog.StringValue("x")})), slog.StringValue("[a=1 b=x]")},
		"a group that is too large": {slog.GroupValue(slog.String("a", strings.Repeat("x", most-3)), slog.Int("b", 1)), slog.StringValue("[a=" + strings.Repeat("x", most-3) + "…")},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				if diff := cmp.Diff([]slog.Attr{{Key: "k", Value: c.want}}, annotated(t, slog.Attr{Key: "k", Value: c.noted})); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestAnnotatedKeys are cleaned, and cut as a text is.
func TestAnnotatedKeys(t *testing.T) {
	long := strings.Repeat("k", 1<<10+1)
	bubble(t, func(t *testing.T) {
		lines := "a\nb"
		var got []string
		for _, a := range annotated(t, slog.Int(lines, 1), slog.Int(long, 2)) {
			got = append(got, a.Key)
		}
		if diff := cmp.Diff([]string{"a b", long[:1<<10] + "…"}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// TestAnnotationsOfAStatusStay what they were when it was asked for.
func TestAnnotationsOfAStatusStay(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := ordered("a")
		s, _, _ := serve(t, tend.Spec{}, o)
		again := make(chan struct{})
		o.Run(func(ctx context.Context) error {
			tend.Annotate(ctx, slog.Int("n", 1))
			<-again
			tend.Annotate(ctx, slog.Int("n", 2))
			return obey(ctx)
		})
		for i, then := range []func(){func() { close(again) }, func() {}} {
			before := s.Status().Services[0].Annotations
			then()
			synctest.Wait()
			if diff := cmp.Diff([]slog.Attr{slog.Int("n", i+1)}, []slog.Attr(before)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		}
	})
}

// TestAnnotationsInJSON are one object, with the keys in their order.
func TestAnnotationsInJSON(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for want, attrs := range map[string][]slog.Attr{
			`{}`:              nil,
			`{"b":1}`:         {slog.Int("b", 1)},
			`{"b":1,"a\"":2}`: {slog.Int("b", 1), slog.Int(`a"`, 2)},
			`{"f":3.0,"g":1e+21,"h":0.5,"n":18446744073709551615}`: {
				slog.Float64("f", 3), slog.Float64("g", 1e21), slog.Float64("h", 0.5), slog.Uint64("n", math.MaxUint64),
			},
			`{"t":{"time":"2000-01-01T00:00:00Z"},"d":{"duration":"1m30s"}}`: {
				slog.Time("t", time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)), slog.Duration("d", 90*time.Second),
			},
		} {
			sent := tend.ServiceStatus{Annotations: attrs}
			text, err := json.Marshal(sent.Annotations)
			if err != nil || string(text) != want {
				t.Errorf("they are %s, want %s: %v", text, want, err)
			}
			got := tend.ServiceStatus{Annotations: []slog.Attr{slog.Int("old", 1)}} // as in a status that was read before
			if err := json.Unmarshal(text, &got.Annotations); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(sent.Annotations, got.Annotations); diff != "" {
				t.Errorf("(-sent +received):\n%s", diff)
			}
		}
	})
}

// TestWhatIsNoAnnotation is an error: to be written, if somebody has put it there, and to
// be read.
func TestWhatIsNoAnnotation(t *testing.T) {
	var unsupported *json.UnsupportedTypeError
	if _, err := json.Marshal(tend.ServiceStatus{Annotations: []slog.Attr{slog.Any("f", func() {})}}); !errors.As(err, &unsupported) {
		t.Errorf("of a function: %v", err)
	}
	for _, text := range []string{
		``, `{x`, `{"a"`, `{"a":`, `{"a":1,`, `{"a":x}`,
		`{"a":null}`, `{"a":[1]}`, `{"a":1e999}`, `{"a":{"time":"never"}}`, `{"a":{"duration":"long"}}`, `{"a":{"duration":"1s","time":"never"}}`,
	} {
		var got tend.ServiceStatus
		if err := got.Annotations.UnmarshalJSON([]byte(text)); err == nil {
			t.Errorf("%s is read as %v", text, got.Annotations)
		}
	}
}
