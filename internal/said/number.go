package said

import (
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// Times says "1 restart", "2 restarts". What must be a word that only takes an s.
func Times[N int | uint64](n N, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprint(n, " ", what, "s")
}

// Brief is a measured duration without more digits than anybody wants to read, for
// texts of things that have happened: "1.235s", "12.346ms".
func Brief(d time.Duration) string {
	switch {
	case d >= time.Second:
		d = d.Round(time.Millisecond)
	case d >= time.Millisecond:
		d = d.Round(time.Microsecond)
	}
	return d.String()
}

// Age is how long something has been so, for tables that are looked at: as precise
// as it matters. What is less than nothing is "0s".
func Age(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	default:
		return d.Round(time.Second).String()
	}
}

// Note is a value that a service has noted, of at most so many bytes. A time is said as its
// age, as what is asked of one is mostly whether it is too long ago.
func Note(v slog.Value, now time.Time, most int) string {
	if v.Kind() != slog.KindTime {
		return Short(v.String(), most)
	}
	if d := v.Time().Sub(now); d > 0 {
		return "in " + Age(d)
	}
	return Age(now.Sub(v.Time())) + " ago"
}

// Setting is a duration that somebody has chosen, exact and without zeros at its
// end: "1h", "30s".
func Setting(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}
