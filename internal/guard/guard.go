// Package guard calls the code of users: a panic in it ends here. That code may
// also call [runtime.Goexit], which nothing can hold up: then the goroutine of the
// caller ends, and only its deferred functions learn of it. Who has to tell that
// notes the failure before the call and takes it back after it.
package guard

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
