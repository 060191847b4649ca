package goroutines

import (
	"strconv"
	"strings"

	"github.com/tend-go/tend/internal/treepath"
)

// Label is the key of the pprof label of a service's goroutines. There is one and not one
// for each thing to know, as a label costs a service that is idle a hundred bytes; and it
// is tend's own, since a service may set its "service", and pprof has one value for a key.
const Label = "tend.service"

// LabelOf is the value: the path of the service and, as that does not have to be unique,
// the number of its token: "shop/db/pool#17".
func LabelOf(supervisor, name string, id uint64) string {
	b := make([]byte, 0, 96) // on the stack, if it fits
	b = append(treepath.Append(b, supervisor, name), '#')
	return string(strconv.AppendUint(b, id, 10))
}

// IDOf is the number in a value; 0 if there is none.
func IDOf(label string) uint64 {
	id, err := strconv.ParseUint(label[strings.LastIndexByte(label, '#')+1:], 10, 64)
	if err != nil {
		return 0
	}
	return id
}
