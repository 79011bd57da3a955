// Command needs-verify is a program of the corpus that the rules on needs are tested with.
package main

import (
	"crypto/x509"
	"fmt"
	"os"
)

func main() {
	b, _ := os.ReadFile(os.Args[1])
	c, err := x509.ParseCertificate(b)
	if err != nil {
		fmt.Println(err)
		return
	}
	chains, err := c.Verify(x509.VerifyOptions{})
	fmt.Println(len(chains), err)
}
