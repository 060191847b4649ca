package sdnotify_test

import (
	"fmt"
	"time"

	"github.com/tend-go/tend/sdnotify"
)

// A program that is slow to stop says so.
func ExampleSend() {
	sent, err := sdnotify.Send(sdnotify.Stopping, sdnotify.Status("waits for 3 uploads"), sdnotify.ExtendTimeout(30*time.Second))
	fmt.Println(sent, err) // nobody listens to a test
	// Output: false <nil>
}
