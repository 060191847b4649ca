package said

import (
	"fmt"
	"strconv"

	"github.com/tend-go/tend/internal/guard"
)

// Key is the key of a service among others as text, for its name. A String method is code of
// others, and may panic: then, or if it says nothing, that is the name of the type.
func Key(key any) (name string) {
	switch key := key.(type) {
	case string:
		name = key
	case int:
		return strconv.Itoa(key)
	case uint64:
		return strconv.FormatUint(key, 10)
	case fmt.Stringer:
		guard.Do(func() { name = key.String() })
	default:
		name = fmt.Sprint(key)
	}
	if name == "" {
		return fmt.Sprintf("%T", key)
	}
	return name
}
