// Command needs-lookupport is a program of the corpus that the rules on needs are tested with.
package main

import (
	"fmt"
	"net"
)

func main() { fmt.Println(net.LookupPort("tcp", "imap")) }
