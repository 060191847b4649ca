package tendetcd

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// What Config says of keeping connections alive is kept, and the rest filled in.
func TestKeepAlive(t *testing.T) {
	for _, c := range [][2][2]time.Duration{
		{{0, 0}, {10 * time.Second, 2 * time.Second}},
		{{30 * time.Second, 0}, {30 * time.Second, 2 * time.Second}},
		{{0, 5 * time.Second}, {10 * time.Second, 5 * time.Second}},
		{{time.Minute, time.Second}, {time.Minute, time.Second}},
	} {
		got := complete(clientv3.Config{DialKeepAliveTime: c[0][0], DialKeepAliveTimeout: c[0][1]})
		if diff := cmp.Diff(c[1], [2]time.Duration{got.DialKeepAliveTime, got.DialKeepAliveTimeout}); diff != "" {
			t.Errorf("%v, -want +got:\n%s", c[0], diff)
		}
	}
}
