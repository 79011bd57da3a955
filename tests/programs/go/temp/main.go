// Command temp makes a temporary file, says where, and removes it again.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	file, err := os.CreateTemp("", "whit-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(filepath.Dir(file.Name()))
	os.Remove(file.Name())
}
