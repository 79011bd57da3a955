// Command needs-tlsclient is a program of the corpus that the rules on needs are tested with.
package main

import (
	"crypto/tls"
	"fmt"
	"net"
)

func main() {
	c, _ := net.Dial("tcp", "example.org:443")
	t := tls.Client(c, &tls.Config{ServerName: "example.org"})
	fmt.Println(t.Handshake())
}
