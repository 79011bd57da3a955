// Command needs-tlslistener is a program of the corpus that the rules on needs are tested with.
package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
)

func main() {
	public, private, e := ed25519.GenerateKey(rand.Reader)
	fmt.Println(e)
	about := &x509.Certificate{SerialNumber: big.NewInt(1)}
	made, e := x509.CreateCertificate(rand.Reader, about, about, public, private)
	fmt.Println(e)
	own := tls.Certificate{Certificate: [][]byte{made}, PrivateKey: private}
	l, e := tls.Listen("tcp", ":8443", &tls.Config{Certificates: []tls.Certificate{own}})
	fmt.Println(e)
	c, e := l.Accept()
	fmt.Println(e)
	c.Write([]byte("x"))
	fmt.Println(c.Close())
}
