package process_test

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/process"
)

// A server that says when it is up, three failures within an hour being too many.
func ExampleCommand() {
	web := &process.Command{
		Path:  "web",
		Args:  []string{"-listen", ":8080"},
		Ready: process.ReadyLine(regexp.MustCompile(`listening on`)),
	}
	root := tend.New("root", tend.Spec{})
	root.Add(tend.Child{Service: web.Child(), Limit: tend.Limit{N: 3, Within: time.Hour}})
}

// A command that runs once, for its output.
func ExampleCommand_Run() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	status := &process.Command{Path: "plugin", Args: []string{"--status"}}
	out, err := status.Run(ctx, 64<<10)
	if exit := (*process.ExitError)(nil); errors.As(err, &exit) {
		fmt.Println("exit code", exit.Code, "after", exit.Tail)
	}
	fmt.Printf("%s", out)
}

// A pipe to the standard input of the process, new with each start.
func ExampleCommand_setup() {
	c := &process.Command{
		Path: "filter",
		Setup: func(cmd *exec.Cmd) error {
			w, err := cmd.StdinPipe()
			if err == nil {
				_, err = w.Write([]byte("hello"))
			}
			return err
		},
	}
	_ = c
}
