package observe

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/tend-go/tend"
)

// writeStatus writes what json.Marshal makes of s, and a line break, without having
// all of it in memory: service by service, which are the last field of a Status, as
// the supervisor is of a service.
func writeStatus(w io.Writer, s *tend.Status) error {
	e := &encoder{to: w}
	e.status(s)
	e.write([]byte("\n"))
	return e.err
}

// encoder writes until something fails.
type encoder struct {
	to  io.Writer
	err error
}

func (e *encoder) write(b []byte) {
	if e.err == nil {
		_, e.err = e.to.Write(b)
	}
}

// value writes v but for its end, which is written again by who goes on.
func (e *encoder) value(v any, end string) {
	data, err := json.Marshal(v)
	if e.err == nil {
		e.err = err
	}
	e.write(bytes.TrimSuffix(data, []byte(end)))
}

func (e *encoder) status(s *tend.Status) {
	head := *s
	head.Services = []tend.ServiceStatus{}
	e.value(head, "]}")
	for i := range s.Services {
		if i > 0 {
			e.write([]byte(","))
		}
		e.service(&s.Services[i])
	}
	e.write([]byte("]}"))
}

func (e *encoder) service(s *tend.ServiceStatus) {
	if s.Supervisor == nil {
		e.value(s, "")
		return
	}
	head := *s
	head.Supervisor = nil
	e.value(head, "}")
	e.write([]byte(`,"supervisor":`))
	e.status(s.Supervisor)
	e.write([]byte("}"))
}
