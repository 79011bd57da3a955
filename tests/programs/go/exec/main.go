// Command exec runs its arguments as a program.
package main

import (
	"fmt"
	"os"
	"os/exec"
)

func main() {
	command := exec.Command(os.Args[1], os.Args[2:]...)
	command.Stdout = os.Stdout
	if err := command.Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
