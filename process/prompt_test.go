package process

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A line that goes on is no prompt; each is found once, and none after the end.
func TestPrompt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var found []string
		begin := time.Now()
		p := prompt{found: func(text string) { found = append(found, fmt.Sprint(text, time.Since(begin))) }}
		for _, line := range []string{"log", "login", "login: ", ""} {
			p.saw([]byte(line))
			time.Sleep(60 * time.Millisecond)
		}
		p.saw([]byte("pass"))
		p.saw([]byte("password: "))
		time.Sleep(time.Second)
		p.saw([]byte("> "))
		p.close()
		time.Sleep(time.Second)
		synctest.Wait()
		if got, want := strings.Join(found, ", "), "password: 340ms"; got != want {
			t.Errorf("found %q, want %q", got, want)
		}
	})
}
