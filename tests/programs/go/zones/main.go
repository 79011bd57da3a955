// Command zones prints a fixed instant in the time zone that is its argument.
package main

import (
	"fmt"
	"os"
	"time"
)

func main() {
	location, err := time.LoadLocation(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(time.Unix(0, 0).In(location).Format(time.RFC3339))
}
