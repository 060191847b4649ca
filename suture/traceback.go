package suture

import (
	"fmt"
	"runtime"
	"strings"
)

// traceback writes a stack as runtime.Stack does, for tools that read those. What the
// runtime knows no more is left out as it leaves out what it does not know: "..." are
// the arguments, as of an inlined function, and 0 is the number of the goroutine.
func traceback(pcs []uintptr) string {
	var b strings.Builder
	b.WriteString("goroutine 0 [running]:\n")
	frames := runtime.CallersFrames(pcs)
	for more := len(pcs) > 0; more; {
		var f runtime.Frame
		f, more = frames.Next()
		switch f.Function {
		case "", "runtime.goexit":
			continue
		case "runtime.gopanic":
			f.Function = "panic"
		}
		fmt.Fprintf(&b, "%s(...)\n\t%s:%d", f.Function, f.File, f.Line)
		if f.Func != nil { // it is not inlined
			fmt.Fprintf(&b, " +0x%x", f.PC-f.Entry)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
