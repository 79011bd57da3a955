// Command server answers every request; argument: the address to listen on.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
)

func main() {
	address := "127.0.0.1:0"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("listening on", listener.Addr())
	answer := func(writer http.ResponseWriter, request *http.Request) { fmt.Fprintln(writer, "hello from go") }
	fmt.Fprintln(os.Stderr, http.Serve(listener, http.HandlerFunc(answer)))
	os.Exit(1)
}
