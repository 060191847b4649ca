// Package guard calls the code of users: a panic in it ends here. That code may
// also call [runtime.Goexit], which nothing can hold up: then the goroutine of the
// caller ends, and only its deferred functions learn of it. Who has to tell that
// notes the failure before the call and takes it back after it.
package guard

import "reflect"

// Do calls f and says whether it has returned, rather than panicked.
func Do(f func()) (returned bool) {
	defer func() { _ = recover() }()
	f()
	return true
}

// Try calls f and returns what that does. Of a panic it returns what caught makes of
// the value. Caught is called where the panic still is on the stack, two frames
// before runtime.gopanic: the deferred function of Try is between them.
func Try(f func() error, caught func(v any) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = caught(v)
		}
	}()
	return f()
}

// IsNil: v is nil, or a nil pointer, map, function, slice or channel in an interface: what users
// return who could not make one.
func IsNil(v any) bool {
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Pointer, reflect.Map, reflect.Func, reflect.Slice, reflect.Chan:
		return r.IsNil()
	default:
		return false
	}
}
