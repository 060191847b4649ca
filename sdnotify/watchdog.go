package sdnotify

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"time"
)

// WatchdogInterval is how often at least systemd wants to hear [Alive], from
// WatchdogSec= of the unit by way of WATCHDOG_USEC; zero if it does not, or wants
// to hear it of another process (WATCHDOG_PID). Half of it is a good period:
// sd_watchdog_enabled(3) recommends that. An error is about a value that is not
// a positive number.
func WatchdogInterval() (time.Duration, error) {
	usec, err := positive("WATCHDOG_USEC")
	if err != nil || usec == 0 {
		return 0, err
	}
	pid, err := positive("WATCHDOG_PID")
	if err != nil || pid != 0 && pid != int64(os.Getpid()) {
		return 0, err
	}
	return time.Duration(min(usec, math.MaxInt64/int64(time.Microsecond))) * time.Microsecond, nil
}

// positive reads a number from the environment, 0 if it is not set.
func positive(name string) (int64, error) {
	text := os.Getenv(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 {
		return 0, fmt.Errorf("tend/sdnotify: %s is %q, not a positive number", name, text)
	}
	return n, nil
}
