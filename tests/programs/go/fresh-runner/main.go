// Command fresh-runner runs a command again until it succeeds.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"time"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	words := append(os.Args[1:], "/no/such/command")
	err := exec.CommandContext(ctx, words[0]).Run()
	fmt.Println(err == nil)
}
