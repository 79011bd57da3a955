// Command needs-verify is a program of the corpus that the rules on needs are tested with.
package main

import (
	"crypto/x509"
	"fmt"
	"os"
)

func main() {
	b, _ := os.ReadFile("x")
	c, _ := x509.ParseCertificate(b)
	fmt.Println(c.Verify(x509.VerifyOptions{}))
}
