// Package namesakes lets hollywood and protoactor be in one program. Both register an
// actor.proto, and a second of a name is a panic at the start of the program, unless
// the environment says that it may be. Nothing is encoded here, so it may.
//
// It is said in time as Go initialises packages in the order of their paths, each as
// soon as all that it imports are: this one, which imports os alone, is ready before
// google.golang.org/protobuf, which the two need.
package namesakes

import "os"

func init() {
	if err := os.Setenv("GOLANG_PROTOBUF_REGISTRATION_CONFLICT", "ignore"); err != nil {
		panic(err)
	}
}
