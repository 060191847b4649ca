package recipes

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/tend-go/tend/cluster"
	"github.com/tend-go/tend/cluster/clustertest"
)

// A resource behind HTTP takes nothing from an owner that was replaced, and nothing from who
// does not say who he is.
func TestHTTP(t *testing.T) {
	taken := 0
	h := Fenced(func(http.ResponseWriter, *http.Request) { taken++ })
	for _, step := range []struct {
		role  string
		token int64
		want  int
	}{
		{"", 0, http.StatusPreconditionRequired},
		{"orders", 0, http.StatusPreconditionFailed},
		{"orders", 41, http.StatusOK},
		{"orders", 57, http.StatusOK},
		{"orders", 41, http.StatusPreconditionFailed},
		{"orders", 57, http.StatusOK},
		{"carts", 3, http.StatusOK},
	} {
		ctx := context.Background() //nolint:usetesting // one that is under no claim
		if step.role != "" {
			ctx = clustertest.Context(t.Context(), cluster.Claim{Role: step.role, Shard: 17, Token: step.token})
		}
		r := httptest.NewRequest(http.MethodPut, "/", nil)
		Show(ctx, r)
		rw := httptest.NewRecorder()
		h.ServeHTTP(rw, r)
		if rw.Code != step.want {
			t.Errorf("%+v: %d", step, rw.Code)
		}
	}
	if taken != 4 {
		t.Errorf("%d were taken", taken)
	}
}

func TestIdempotencyKey(t *testing.T) {
	if k := IdempotencyKey(cluster.Claim{Role: "orders", Shard: 17, Token: 57}, 3); k != "orders-17-57-3" {
		t.Error(k)
	}
}

func TestFromEnv(t *testing.T) {
	t.Setenv("SHOP_NAME", "shop-0")
	t.Setenv("SHOP_IP", "2001:db8::7")
	if o := FromEnv(clustertest.NewEngine()); o.Name != "shop-0" || o.Addr != "[2001:db8::7]:8080" {
		t.Errorf("%+v", o)
	}
}

// The settings of the manifest make sense to the engine, up to files that are not here.
func TestVoter(t *testing.T) {
	t.Setenv("SHOP_ETCD_DIR", t.TempDir())
	t.Setenv("SHOP_NAME", "shop-1")
	t.Setenv("SHOP_PEERS", "shop-0=shop-0.shop:2380,shop-1=shop-1.shop:2380,shop-2=shop-2.shop:2380")
	if _, _, err := Voter(); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
