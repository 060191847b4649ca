package said

import (
	"fmt"
	"reflect"
)

// Bounds of values that are printed whole.
const (
	maxDepth = 32
	maxParts = 10_000
)

// Value is a value as fmt.Sprint has it, or the type of v if that panics, or v is not
// a text and is deep, has many parts or holds itself: package fmt would print that
// until the stack is full, which ends the program and nothing can recover from.
func Value(v any) string {
	return By(v, func() string {
		switch v := v.(type) {
		case string:
			return v
		case error:
			return v.Error()
		case fmt.Stringer:
			return v.String()
		}
		parts := maxParts
		if !isSmall(reflect.ValueOf(v), maxDepth, &parts) {
			return fmt.Sprintf("%T", v)
		}
		return fmt.Sprint(v)
	})
}

// isSmall: v has no more levels and parts than these. It follows what package fmt
// follows: pointers only at the top.
func isSmall(v reflect.Value, depth int, parts *int) bool {
	if *parts--; depth == 0 || *parts < 0 {
		return false
	}
	switch v.Kind() {
	case reflect.Interface:
		return isSmall(v.Elem(), depth-1, parts)
	case reflect.Pointer:
		return depth < maxDepth || isSmall(v.Elem(), depth-1, parts)
	case reflect.Struct:
		for i := range v.NumField() {
			if !isSmall(v.Field(i), depth-1, parts) {
				return false
			}
		}
	case reflect.Slice, reflect.Array:
		if isScalar(v.Type().Elem().Kind()) {
			return v.Len() <= *parts
		}
		for i := range v.Len() {
			if !isSmall(v.Index(i), depth-1, parts) {
				return false
			}
		}
	case reflect.Map:
		for k, e := range v.Seq2() {
			if !isSmall(k, depth-1, parts) || !isSmall(e, depth-1, parts) {
				return false
			}
		}
	default: // scalars, channels and functions have no parts
	}
	return true
}

func isScalar(k reflect.Kind) bool { return k <= reflect.Complex128 || k == reflect.String }
