package embedded

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"

	"go.uber.org/zap"
)

// What etcd logs as an error goes where the program logs, but not what it says of its own
// stop and of each first start.
func TestLog(t *testing.T) {
	var out bytes.Buffer
	before := slog.Default()
	defer slog.SetDefault(before)
	slog.SetDefault(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})))
	stopping, stop := context.WithCancel(t.Context())
	log := newLogger(stopping)
	log.Warn("a warning")
	log.Error(idle)
	log.With(zap.String("peer", "b")).Error("it breaks", zap.Error(errors.New("for a reason")))
	stop()
	log.Error("the listener is closed")
	if want := "level=ERROR msg=\"etcd: it breaks\""; !bytes.HasPrefix(out.Bytes(), []byte(want)) || bytes.Count(out.Bytes(), []byte("\n")) != 1 ||
		!bytes.Contains(out.Bytes(), []byte("peer=b")) || !bytes.Contains(out.Bytes(), []byte("error=\"for a reason\"")) {
		t.Error(out.String())
	}
}
