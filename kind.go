package tend

import (
	"encoding/json"
	"fmt"
	"log/slog"

	"github.com/tend-go/tend/internal/words"
)

// Kind says which of the structs an [Event] is: a value to compare, to count by and
// to be told as a word, "service failed". Two events are of one kind if their Kinds
// are equal.
type Kind uint8

const (
	kindSupervisorStarted Kind = iota
	kindSupervisorStopping
	kindSupervisorStopped
	kindPauseBegan
	kindPauseEnded
	kindEscalated
	kindEventsDropped
	kindServiceStarted
	kindServiceReady
	kindServiceUnresponsive
	kindServiceFailed
	kindServiceEnded
	kindServiceChanged
	kindServiceAlsoFailed
	kindMessagesLost
	kindServiceStuck
	kindServiceGaveUp
	kindServiceRefused
)

var kinds = words.New[Kind]("tend",
	"supervisor started",
	"supervisor stopping",
	"supervisor stopped",
	"pause began",
	"pause ended",
	"escalated",
	"events dropped",
	"service started",
	"service ready",
	"service unresponsive",
	"service failed",
	"service ended",
	"service changed",
	"service also failed",
	"messages lost",
	"service stuck",
	"service gave up",
	"service refused",
)

// String returns the words: "service failed", "pause began" …
func (k Kind) String() string { return kinds.Of(k) }

// MarshalText returns what String does.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText has written.
func (k *Kind) UnmarshalText(text []byte) error { return kinds.Read(k, text) }

// Decode reads an event of this kind from JSON. Its tokens have the number alone,
// and its reasons what a [Reason] keeps. Of any event the kind is read first:
//
//	var head struct{ Kind tend.Kind }
//	if err := json.Unmarshal(data, &head); err != nil { … }
//	event, err := head.Kind.Decode(data)
func (k Kind) Decode(data []byte) (Event, error) {
	if int(k) >= len(decoders) {
		return nil, fmt.Errorf("tend: %v is not known", k)
	}
	return decoders[k](data)
}

var decoders = [...]func([]byte) (Event, error){
	kindSupervisorStarted:   decode[SupervisorStarted],
	kindSupervisorStopping:  decode[SupervisorStopping],
	kindSupervisorStopped:   decode[SupervisorStopped],
	kindPauseBegan:          decode[PauseBegan],
	kindPauseEnded:          decode[PauseEnded],
	kindEscalated:           decode[Escalated],
	kindEventsDropped:       decode[EventsDropped],
	kindServiceStarted:      decode[ServiceStarted],
	kindServiceReady:        decode[ServiceReady],
	kindServiceUnresponsive: decode[ServiceUnresponsive],
	kindServiceFailed:       decode[ServiceFailed],
	kindServiceEnded:        decode[ServiceEnded],
	kindServiceChanged:      decode[ServiceChanged],
	kindServiceAlsoFailed:   decode[ServiceAlsoFailed],
	kindMessagesLost:        decode[MessagesLost],
	kindServiceStuck:        decode[ServiceStuck],
	kindServiceGaveUp:       decode[ServiceGaveUp],
	kindServiceRefused:      decode[ServiceRefused],
}

func decode[E Event](data []byte) (Event, error) {
	var e E
	err := json.Unmarshal(data, &e)
	return e, err
}

// encode is an event in JSON: fields, which are its, after its kind.
func encode(k Kind, fields any) ([]byte, error) {
	kind, err := json.Marshal(k)
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	return append(append(append([]byte(`{"kind":`), kind...), ','), data[1:]...), nil
}

// The methods of Event that embedding cannot give, for each kind the same.

func (SupervisorStarted) effect()                {}
func (SupervisorStarted) Kind() Kind             { return kindSupervisorStarted }
func (e SupervisorStarted) String() string       { return line(e) }
func (e SupervisorStarted) LogValue() slog.Value { return value(e) }
func (e SupervisorStarted) MarshalJSON() ([]byte, error) {
	type fields SupervisorStarted
	return encode(e.Kind(), fields(e))
}

func (SupervisorStopping) effect()                {}
func (SupervisorStopping) Kind() Kind             { return kindSupervisorStopping }
func (e SupervisorStopping) String() string       { return line(e) }
func (e SupervisorStopping) LogValue() slog.Value { return value(e) }
func (e SupervisorStopping) MarshalJSON() ([]byte, error) {
	type fields SupervisorStopping
	return encode(e.Kind(), fields(e))
}

func (SupervisorStopped) effect()                {}
func (SupervisorStopped) Kind() Kind             { return kindSupervisorStopped }
func (e SupervisorStopped) String() string       { return line(e) }
func (e SupervisorStopped) LogValue() slog.Value { return value(e) }
func (e SupervisorStopped) MarshalJSON() ([]byte, error) {
	type fields SupervisorStopped
	return encode(e.Kind(), fields(e))
}

func (PauseBegan) effect()                {}
func (PauseBegan) Kind() Kind             { return kindPauseBegan }
func (e PauseBegan) String() string       { return line(e) }
func (e PauseBegan) LogValue() slog.Value { return value(e) }
func (e PauseBegan) MarshalJSON() ([]byte, error) {
	type fields PauseBegan
	return encode(e.Kind(), fields(e))
}

func (PauseEnded) effect()                {}
func (PauseEnded) Kind() Kind             { return kindPauseEnded }
func (e PauseEnded) String() string       { return line(e) }
func (e PauseEnded) LogValue() slog.Value { return value(e) }
func (e PauseEnded) MarshalJSON() ([]byte, error) {
	type fields PauseEnded
	return encode(e.Kind(), fields(e))
}

func (Escalated) effect()                {}
func (Escalated) Kind() Kind             { return kindEscalated }
func (e Escalated) String() string       { return line(e) }
func (e Escalated) LogValue() slog.Value { return value(e) }
func (e Escalated) MarshalJSON() ([]byte, error) {
	type fields Escalated
	return encode(e.Kind(), fields(e))
}

func (EventsDropped) effect()                {}
func (EventsDropped) Kind() Kind             { return kindEventsDropped }
func (e EventsDropped) String() string       { return line(e) }
func (e EventsDropped) LogValue() slog.Value { return value(e) }
func (e EventsDropped) MarshalJSON() ([]byte, error) {
	type fields EventsDropped
	return encode(e.Kind(), fields(e))
}

func (ServiceStarted) effect()                {}
func (ServiceStarted) Kind() Kind             { return kindServiceStarted }
func (e ServiceStarted) String() string       { return line(e) }
func (e ServiceStarted) LogValue() slog.Value { return value(e) }
func (e ServiceStarted) MarshalJSON() ([]byte, error) {
	type fields ServiceStarted
	return encode(e.Kind(), fields(e))
}

func (ServiceReady) effect()                {}
func (ServiceReady) Kind() Kind             { return kindServiceReady }
func (e ServiceReady) String() string       { return line(e) }
func (e ServiceReady) LogValue() slog.Value { return value(e) }
func (e ServiceReady) MarshalJSON() ([]byte, error) {
	type fields ServiceReady
	return encode(e.Kind(), fields(e))
}

func (ServiceUnresponsive) effect()                {}
func (ServiceUnresponsive) Kind() Kind             { return kindServiceUnresponsive }
func (e ServiceUnresponsive) String() string       { return line(e) }
func (e ServiceUnresponsive) LogValue() slog.Value { return value(e) }
func (e ServiceUnresponsive) MarshalJSON() ([]byte, error) {
	type fields ServiceUnresponsive
	return encode(e.Kind(), fields(e))
}

func (ServiceFailed) effect()                {}
func (ServiceFailed) Kind() Kind             { return kindServiceFailed }
func (e ServiceFailed) String() string       { return line(e) }
func (e ServiceFailed) LogValue() slog.Value { return value(e) }
func (e ServiceFailed) MarshalJSON() ([]byte, error) {
	type fields ServiceFailed
	return encode(e.Kind(), fields(e))
}

func (ServiceEnded) effect()                {}
func (ServiceEnded) Kind() Kind             { return kindServiceEnded }
func (e ServiceEnded) String() string       { return line(e) }
func (e ServiceEnded) LogValue() slog.Value { return value(e) }
func (e ServiceEnded) MarshalJSON() ([]byte, error) {
	type fields ServiceEnded
	return encode(e.Kind(), fields(e))
}

func (ServiceChanged) effect()                {}
func (ServiceChanged) Kind() Kind             { return kindServiceChanged }
func (e ServiceChanged) String() string       { return line(e) }
func (e ServiceChanged) LogValue() slog.Value { return value(e) }
func (e ServiceChanged) MarshalJSON() ([]byte, error) {
	type fields ServiceChanged
	return encode(e.Kind(), fields(e))
}

func (ServiceAlsoFailed) effect()                {}
func (ServiceAlsoFailed) Kind() Kind             { return kindServiceAlsoFailed }
func (e ServiceAlsoFailed) String() string       { return line(e) }
func (e ServiceAlsoFailed) LogValue() slog.Value { return value(e) }
func (e ServiceAlsoFailed) MarshalJSON() ([]byte, error) {
	type fields ServiceAlsoFailed
	return encode(e.Kind(), fields(e))
}

func (MessagesLost) effect()                {}
func (MessagesLost) Kind() Kind             { return kindMessagesLost }
func (e MessagesLost) String() string       { return line(e) }
func (e MessagesLost) LogValue() slog.Value { return value(e) }
func (e MessagesLost) MarshalJSON() ([]byte, error) {
	type fields MessagesLost
	return encode(e.Kind(), fields(e))
}

func (ServiceStuck) effect()                {}
func (ServiceStuck) Kind() Kind             { return kindServiceStuck }
func (e ServiceStuck) String() string       { return line(e) }
func (e ServiceStuck) LogValue() slog.Value { return value(e) }
func (e ServiceStuck) MarshalJSON() ([]byte, error) {
	type fields ServiceStuck
	return encode(e.Kind(), fields(e))
}

func (ServiceGaveUp) effect()                {}
func (ServiceGaveUp) Kind() Kind             { return kindServiceGaveUp }
func (e ServiceGaveUp) String() string       { return line(e) }
func (e ServiceGaveUp) LogValue() slog.Value { return value(e) }
func (e ServiceGaveUp) MarshalJSON() ([]byte, error) {
	type fields ServiceGaveUp
	return encode(e.Kind(), fields(e))
}

func (ServiceRefused) effect()                {}
func (ServiceRefused) Kind() Kind             { return kindServiceRefused }
func (e ServiceRefused) String() string       { return line(e) }
func (e ServiceRefused) LogValue() slog.Value { return value(e) }
func (e ServiceRefused) MarshalJSON() ([]byte, error) {
	type fields ServiceRefused
	return encode(e.Kind(), fields(e))
}
