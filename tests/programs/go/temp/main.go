// Command temp makes a temporary file and removes it again.
package main

import (
	"fmt"
	"os"
)

func main() {
	file, err := os.CreateTemp("", "whit-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(file.Name())
	os.Remove(file.Name())
}
