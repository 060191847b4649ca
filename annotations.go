package tend

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/tend-go/tend/internal/guard"
	"github.com/tend-go/tend/internal/said"
)

// Bounds of annotations.
const (
	maxAnnotations = 32
	maxAnnotation  = 1 << 10 // bytes of a key or a text
)

// annotations are what a run has noted. In JSON they are an object with the keys in
// their order. Times and durations are objects in it, {"time": …} and {"duration":
// …}, so that they are such again when they are read.
type annotations []slog.Attr

// annotate replaces or appends what has the same key. The caller holds m.mu.
func (m *runMore) annotate(a slog.Attr) {
	for i := range m.annotations {
		if m.annotations[i].Key == a.Key {
			m.annotations[i] = a
			return
		}
	}
	if len(m.annotations) < maxAnnotations {
		m.annotations = append(m.annotations, a)
	}
}

// noted copies what the run has noted.
func (r *run) noted() annotations {
	m := r.own()
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return append(annotations(nil), m.annotations...)
}

// freeze makes a value of a that nothing can change any more, and that JSON has a
// word for. What may be told of an error, told says.
func freeze(a slog.Attr, told func(error) string) slog.Attr {
	key := said.Clean(a.Key, maxAnnotation)
	v := resolve(a.Value)
	switch v.Kind() {
	case slog.KindBool, slog.KindDuration, slog.KindInt64:
		return slog.Attr{Key: key, Value: v}
	case slog.KindUint64:
		if v.Uint64() <= math.MaxInt64 {
			return slog.Int64(key, int64(v.Uint64()))
		}
		return slog.Attr{Key: key, Value: v}
	case slog.KindFloat64:
		if f := v.Float64(); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return slog.Attr{Key: key, Value: v}
		}
	case slog.KindTime:
		if year := v.Time().Year(); 0 <= year && year <= 9999 {
			return slog.Attr{Key: key, Value: v}
		}
	case slog.KindAny, slog.KindGroup, slog.KindLogValuer, slog.KindString:
	}
	var b strings.Builder
	writeValue(&b, v, told)
	return slog.String(key, said.Clean(b.String(), maxAnnotation))
}

// resolve asks v what it is, if it has to be asked.
func resolve(v slog.Value) slog.Value {
	guard.Do(func() { v = v.Resolve() })
	return v
}

// writeValue writes a value as text. A group has what fits of it: it may hold itself.
func writeValue(b *strings.Builder, v slog.Value, told func(error) string) {
	if v.Kind() == slog.KindGroup {
		writeGroup(b, v.Group(), told)
	} else if err, is := v.Any().(error); is {
		b.WriteString(told(err))
	} else {
		b.WriteString(said.Value(v.Any()))
	}
}

func writeGroup(b *strings.Builder, group []slog.Attr, told func(error) string) {
	b.WriteByte('[')
	for i, a := range group {
		if b.Len() > maxAnnotation {
			return
		}
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(a.Key + "=")
		writeValue(b, resolve(a.Value), told)
	}
	b.WriteByte(']')
}

// MarshalJSON returns an object.
func (a annotations) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	for i, attr := range a {
		key, err := json.Marshal(attr.Key)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(plainValue(attr.Value))
		if err != nil {
			return nil, err
		}
		b.WriteByte("{,"[min(i, 1)])
		b.Write(append(append(key, ':'), value...))
	}
	if len(a) == 0 {
		b.WriteByte('{')
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// plainValue is v as it travels.
func plainValue(v slog.Value) any {
	switch v.Kind() {
	case slog.KindTime:
		return timedValue{Time: v.Time()}
	case slog.KindDuration:
		return timedValue{Duration: v.Duration().String()}
	case slog.KindFloat64: // with a dot, also of a whole number
		text := strconv.FormatFloat(v.Float64(), 'g', -1, 64)
		if !bytes.ContainsAny([]byte(text), ".e") {
			text += ".0"
		}
		return json.RawMessage(text)
	default:
		return v.Any()
	}
}

// timedValue is a time, or a duration as time.ParseDuration reads it.
type timedValue struct {
	Time     time.Time `json:"time,omitzero"`
	Duration string    `json:"duration,omitempty"`
}

// UnmarshalJSON reads what MarshalJSON has written, in the place of what was there.
func (a *annotations) UnmarshalJSON(data []byte) error {
	*a = nil
	d := json.NewDecoder(bytes.NewReader(data))
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return err
		}
		v, err := readValue(raw)
		if err != nil {
			return err
		}
		*a = append(*a, slog.Attr{Key: fmt.Sprint(key), Value: v})
	}
	return nil
}

// readValue reads one value.
func readValue(raw json.RawMessage) (slog.Value, error) {
	var plain any
	var timed timedValue
	switch raw[0] {
	case '{':
		if err := json.Unmarshal(raw, &timed); err != nil || timed.Duration == "" {
			return slog.TimeValue(timed.Time), err
		}
		d, err := time.ParseDuration(timed.Duration)
		return slog.DurationValue(d), err
	case '"', 't', 'f':
		err := json.Unmarshal(raw, &plain)
		return slog.AnyValue(plain), err
	}
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return slog.Int64Value(n), nil
	}
	if n, err := strconv.ParseUint(string(raw), 10, 64); err == nil {
		return slog.Uint64Value(n), nil
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	return slog.Float64Value(f), err
}
