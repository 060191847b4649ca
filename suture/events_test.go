package suture_test

import (
	"encoding/json"
	"testing"

	"github.com/tend-go/tend/suture"
)

// The events are built here as user code builds them: unkeyed, and with v4's
// fields in v4's order.
func TestEvents(t *testing.T) {
	s := suture.NewSimple("sup")
	svc := idle("svc")
	for name, c := range map[string]struct {
		event  suture.Event
		typ    suture.EventType
		number int
		text   string
		fields map[string]any
		json   string
	}{
		"stop timeout": {
			suture.EventStopTimeout{s, "sup", svc, "svc"},
			suture.EventTypeStopTimeout, 0,
			"sup: Service svc failed to terminate in a timely manner",
			map[string]any{"supervisor_name": "sup", "service_name": "svc"},
			`{"supervisor_name":"sup","service":"svc"}`,
		},
		"panic": {
			suture.EventServicePanic{s, "sup", svc, "svc", 1, 5, true, "msg", "stack"},
			suture.EventTypeServicePanic, 1,
			"sup: Failed service 'svc' (1.000000 failures of 5.000000), restarting: true, panic: msg, stacktrace: stack",
			map[string]any{
				"supervisor_name": "sup", "service_name": "svc", "current_failures": 1.0, "failure_threshold": 5.0,
				"restarting": true, "panic_msg": "msg", "stacktrace": "stack",
			},
			`{"supervisor_name":"sup","service_name":"svc","current_failures":1,"failure_threshold":5,"restarting":true,"panic_msg":"msg","stacktrace":"stack"}`,
		},
		"terminate": {
			suture.EventServiceTerminate{s, "sup", svc, "svc", 6, 5, false, "why"},
			suture.EventTypeServiceTerminate, 2,
			"sup: Failed service 'svc' (6.000000 failures of 5.000000), restarting: false, error: why",
			map[string]any{
				"supervisor_name": "sup", "service_name": "svc", "current_failures": 6.0, "failure_threshold": 5.0,
				"restarting": false, "error": "why",
			},
			`{"supervisor_name":"sup","service_name":"svc","current_failures":6,"failure_threshold":5,"restarting":false,"error_msg":"why"}`,
		},
		"terminate without an error": {
			suture.EventServiceTerminate{SupervisorName: "sup", ServiceName: "svc"},
			suture.EventTypeServiceTerminate, 2,
			"sup: Failed service 'svc' (0.000000 failures of 0.000000), restarting: false, error: <nil>",
			map[string]any{
				"supervisor_name": "sup", "service_name": "svc", "current_failures": 0.0, "failure_threshold": 0.0,
				"restarting": false, "error": nil,
			},
			`{"supervisor_name":"sup","service_name":"svc","current_failures":0,"failure_threshold":0,"restarting":false,"error_msg":null}`,
		},
		"backoff": {
			suture.EventBackoff{s, "sup"},
			suture.EventTypeBackoff, 3,
			"sup: Entering the backoff state.",
			map[string]any{"supervisor_name": "sup"},
			`{"supervisor_name":"sup"}`,
		},
		"resume": {
			suture.EventResume{s, "sup"},
			suture.EventTypeResume, 4,
			"sup: Exiting backoff state.",
			map[string]any{"supervisor_name": "sup"},
			`{"supervisor_name":"sup"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			want(t, "type", c.event.Type(), c.typ)
			want(t, "number", int(c.event.Type()), c.number)
			want(t, "text", c.event.String(), c.text)
			want(t, "map", c.event.Map(), c.fields)
			js, err := json.Marshal(c.event)
			same(t, "Marshal", err, nil)
			want(t, "JSON", string(js), c.json)
		})
	}
}
