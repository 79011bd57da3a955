// Command fresh-tcpcheck waits for a port.
package main

import (
	"fmt"
	"net"
	"time"
)

func main() {
	conn, err := net.DialTimeout("tcp", "localhost:1", 100*time.Millisecond)
	if err == nil {
		conn.Close()
	}
	fmt.Println(err == nil)
}
