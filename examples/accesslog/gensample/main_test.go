package main

import (
	"bytes"
	"os"
	"testing"
)

// The sample that is shipped is the one that the generator makes.
func TestSampleIsCurrent(t *testing.T) {
	shipped, err := os.ReadFile("../sample.log")
	if err != nil {
		t.Fatal(err)
	}
	var made bytes.Buffer
	if err := write(&made, sampleLines, sampleSeed); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(shipped, made.Bytes()) {
		t.Errorf("sample.log (%d bytes) is not what gensample makes (%d bytes): run go generate in examples/accesslog",
			len(shipped), made.Len())
	}
}
