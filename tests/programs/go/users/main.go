// Command users prints the home directory of the user that is its argument.
package main

import (
	"fmt"
	"os"
	"os/user"
)

func main() {
	found, err := user.Lookup(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(found.HomeDir)
}
