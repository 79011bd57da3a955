// Command needs-certpool is a program of the corpus that the rules on needs are tested with.
package main

import (
	"crypto/x509"
	"fmt"
)

func main() { fmt.Println(x509.SystemCertPool()) }
