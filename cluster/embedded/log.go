package embedded

import (
	"context"
	"log/slog"
	"strings"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// newLogger has what etcd logs as errors go where the program logs. A fatal one still ends
// the process.
func newLogger(stopping context.Context) *zap.Logger {
	return zap.New(&logCore{LevelEnabler: zapcore.ErrorLevel, stopping: stopping})
}

// A logCore is a zapcore.Core that writes to slog.
type logCore struct {
	zapcore.LevelEnabler
	stopping context.Context
	fields   []zapcore.Field
}

// idle is what each first start says.
const idle = "failed to update storage version"

// With implements zapcore.Core.
func (c *logCore) With(fields []zapcore.Field) zapcore.Core {
	return &logCore{c.LevelEnabler, c.stopping, append(c.fields[:len(c.fields):len(c.fields)], fields...)}
}

// Check implements zapcore.Core. That listeners are closed while the server stops is no error.
func (c *logCore) Check(e zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if !c.Enabled(e.Level) || e.Level == zapcore.ErrorLevel && (c.stopping.Err() != nil || e.Message == idle) {
		return checked
	}
	return checked.AddCore(e, c)
}

// Write implements zapcore.Core.
func (c *logCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	values := zapcore.NewMapObjectEncoder()
	for _, f := range append(c.fields[:len(c.fields):len(c.fields)], fields...) {
		f.AddTo(values)
	}
	var attrs []slog.Attr
	for key, value := range values.Fields {
		attrs = append(attrs, slog.Any(key, value))
	}
	slog.Default().LogAttrs(context.Background(), slog.LevelError, "etcd: "+strings.TrimSpace(e.Message), attrs...)
	return nil
}

// Sync implements zapcore.Core.
func (c *logCore) Sync() error { return nil }
