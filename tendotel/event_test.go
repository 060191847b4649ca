package tendotel

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/goroutines"
)

func TestException(t *testing.T) {
	panicked := &tend.PanicError{Value: errors.New("ouch"), PCs: goroutines.Callers(1)}
	wrapped := fmt.Errorf("from elsewhere: %w", panicked)
	for name, test := range map[string]struct {
		reason tend.Reason
		want   map[string]string
	}{
		"error": {tend.Reason{Err: io.EOF, Text: "the end"}, map[string]string{
			"exception.type": "*errors.errorString", "exception.message": "the end",
		}},
		"error without a text": {tend.Reason{Err: hostile{}}, map[string]string{
			"exception.type": "tendotel.hostile", "exception.message": "tendotel.hostile",
		}},
		"no error": {tend.Reason{Text: "nothing"}, map[string]string{"exception.message": "nothing"}},
		"panic": {tend.Reason{Err: panicked, Text: "it said"}, map[string]string{
			"exception.type": "*tend.PanicError", "exception.message": "it said", "exception.stacktrace": panicked.Stack(),
		}},
		"panic of something else": {tend.Reason{Err: wrapped, Text: "wrapped"}, map[string]string{
			"exception.type": "*fmt.wrapError", "exception.message": "wrapped",
		}},
	} {
		got := map[string]string{}
		for _, a := range exception(test.reason) {
			got[string(a.Key)] = a.Value.String()
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
}
