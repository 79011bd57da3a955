// Command needs-tlslistener is a program of the corpus that the rules on needs are tested with.
package main

import (
	"crypto/tls"
	"fmt"
)

func main() {
	l, e := tls.Listen("tcp", ":1", &tls.Config{})
	fmt.Println(e)
	c, _ := l.Accept()
	c.Write([]byte("x"))
}
