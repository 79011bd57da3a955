// Command needs-dns is a program of the corpus that the rules on needs are tested with.
package main

import (
	"fmt"
	"net"
	"os"
)

func main() {
	for _, name := range append(os.Args[1:], "localhost") {
		fmt.Println(net.LookupHost(name))
	}
}
