package tendprom

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/survey"
)

// Options says what a Collector collects. The zero value is a small number of
// series for each supervisor.
type Options struct {
	// Services chooses services that get series of their own, five to eleven each.
	// It is called for each service at each collection and must not keep or
	// change what it gets. Default: none.
	Services func(s tend.ServiceStatus) bool

	// Depth bounds how many levels of supervisors get series of their own. What is
	// further below is counted with the supervisor above it at that depth: 1 is
	// the root alone. It is for trees with a supervisor for each of many tenants.
	// Default 0: no bound.
	Depth int

	// MaxSupervisors bounds how many supervisors get series of their own, some twenty
	// each, and six more if it has actors: those closest to the root, of one level in the order added. The others are
	// counted with the next one above them that has series, and are so many as
	// tend_supervisors_left_out says. Default 0: 500. Negative: no bound.
	MaxSupervisors int
}

// Collector is a [prometheus.Collector] of a tree; see the package documentation.
// It may be in any number of registries, and be asked by any number of goroutines.
type Collector struct {
	watch *survey.Watch
	stops prometheus.Histogram
}

// NewCollector makes a collector of the tree below root, which may be the root of
// the whole tree or any supervisor in it, served or not. It counts events of the tree
// from now on, as long as there is the tree: make one, not one for each request. It
// panics if root is nil or Depth negative.
func NewCollector(root *tend.Supervisor, o Options) *Collector {
	if root == nil {
		panic("tend/tendprom: the supervisor is nil")
	}
	return newCollector(root, o)
}

func newCollector(t survey.Tree, o Options) *Collector {
	if o.Depth < 0 {
		panic(fmt.Sprintf("tend/tendprom: Options.Depth is %d", o.Depth))
	}
	stops := newStops()
	return &Collector{stops: stops, watch: survey.New(t, survey.Options{
		Services: o.Services, Whole: true, Depth: o.Depth, Most: o.MaxSupervisors,
		Stopped: func(took time.Duration) { stops.Observe(took.Seconds()) },
	})}
}

// Describe sends all metrics that there may be.
func (c *Collector) Describe(to chan<- *prometheus.Desc) {
	for _, m := range all {
		to <- m.desc
	}
	c.stops.Describe(to)
}

// Collect asks the tree and sends what it says.
func (c *Collector) Collect(to chan<- prometheus.Metric) {
	v := c.watch.Look()
	to <- unstopped.of(float64(v.Unstopped))
	to <- leftOut.of(float64(v.LeftOut))
	to <- dropped.of(float64(v.Dropped))
	c.stops.Collect(to)
	for path, s := range v.Supervisors {
		collectSupervisor(to, path, s)
	}
	for key, g := range v.Services {
		collectServices(to, key, g)
	}
}
