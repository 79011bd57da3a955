// Command needs-dialtcp is a program of the corpus that the rules on needs are tested with.
package main

import (
	"fmt"
	"net"
)

func main() { fmt.Println(net.Dial("tcp", "127.0.0.1:http")) }
