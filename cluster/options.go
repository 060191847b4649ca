package cluster

import "time"

// Options are the settings of a [Node].
type Options struct {
	Name, Fleet         string
	Addr                string
	Meta                map[string]string
	TTL, Margin, Settle time.Duration
	Moves               int
}
