// Package fields prints a struct by its fields, for tests that compare what
// happened field by field and not word by word.
package fields

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Print prints the exported fields of a struct that are not zero, but for embedded
// structs, as "count=2 restarting err=boom": names in lower case, a true one alone,
// and what has spaces in quotes. Times are printed as what has passed since base, and
// numbers with three decimals.
// Name, if it has a word for the text of an error, is used instead of that.
func Print(v any, base time.Time, name func(text string) string) string {
	s := reflect.ValueOf(v)
	var list []string
	for i := range s.NumField() {
		f := s.Type().Field(i)
		if !f.IsExported() || f.Anonymous || s.Field(i).IsZero() {
			continue
		}
		key := strings.ToLower(f.Name)
		if value := text(s.Field(i).Interface(), base, name); value == "true" {
			list = append(list, key)
		} else {
			list = append(list, key+"="+value)
		}
	}
	return strings.Join(list, " ")
}

func text(v any, base time.Time, name func(string) string) string {
	var s string
	switch v := v.(type) {
	case time.Time:
		return v.Sub(base).String()
	case error:
		s = v.Error()
		if word := name(s); word != "" {
			return word
		}
	case float64:
		return strconv.FormatFloat(math.Round(v*1000)/1000, 'f', -1, 64)
	default:
		s = fmt.Sprint(v)
	}
	if s == "" || strings.ContainsAny(s, " \"\n\t") {
		return strconv.Quote(s)
	}
	return s
}
