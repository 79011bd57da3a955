// Command needs-dialtcp is a program of the corpus that the rules on needs are tested with.
package main

import (
	"fmt"
	"net"
)

func main() {
	c, err := net.Dial("tcp", "127.0.0.1:http")
	fmt.Println(err)
	if err == nil {
		fmt.Println(c.RemoteAddr())
	}
}
