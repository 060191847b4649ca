package health_test

import (
	"encoding/json"
	"testing"

	"github.com/tend-go/tend/health"
)

// What goes out as text comes in again.
func TestStatesKindsAndGradesAreReadAgain(t *testing.T) {
	type words struct {
		State health.State
		Kind  health.Kind
		Grade health.Grade
	}
	for want, in := range map[string]words{
		`{"State":"unknown","Kind":"readiness","Grade":"pass"}`:   {},
		`{"State":"healthy","Kind":"liveness","Grade":"warn"}`:    {health.Healthy, health.Liveness, health.GradeWarn},
		`{"State":"degraded","Kind":"startup","Grade":"fail"}`:    {health.Degraded, health.Startup, health.GradeFail},
		`{"State":"unhealthy","Kind":"readiness","Grade":"pass"}`: {State: health.Unhealthy},
	} {
		var out words
		text, err := json.Marshal(in)
		if err != nil || string(text) != want {
			t.Errorf("%+v is %s, %v", in, text, err)
		} else if err := json.Unmarshal(text, &out); err != nil || out != in {
			t.Errorf("%s was read as %+v, %v", text, out, err)
		}
	}
	var w words
	for _, text := range []string{`{"State":"well"}`, `{"Kind":"well"}`, `{"Grade":"well"}`} {
		wantError(t, json.Unmarshal([]byte(text), &w), `"well" is no health.`)
	}
}
