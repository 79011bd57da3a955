// Command needs-tlsdial is a program of the corpus that the rules on needs are tested with.
package main

import (
	"crypto/tls"
	"fmt"
)

func main() {
	c, e := tls.Dial("tcp", "example.org:443", nil)
	fmt.Println(c != nil, e)
}
