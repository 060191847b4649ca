package report

import (
	"fmt"
	"math"
	"strconv"

	"github.com/tend-go/tend/benchmarks/internal/scenario"
)

// amount writes v with three digits, or all of a number of bytes.
func amount(v float64, unit scenario.Unit) string {
	if unit == scenario.Bytes {
		return count(int(math.Round(v))) + " B"
	}
	for _, u := range []struct {
		size float64
		name string
	}{{1e9, "s"}, {1e6, "ms"}, {1e3, "µs"}} {
		if v >= u.size*0.9995 {
			return digits(v/u.size) + " " + u.name
		}
	}
	return digits(v) + " ns"
}

// digits writes v with three digits.
func digits(v float64) string {
	switch {
	case v >= 99.95:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 9.995:
		return strconv.FormatFloat(v, 'f', 1, 64)
	default:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
}

// count writes n with commas.
func count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// quotient writes how many times.
func quotient(q float64) string { return fmt.Sprintf("%.2fx", q) }
