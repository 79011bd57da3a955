// Command needs-certpool is a program of the corpus that the rules on needs are tested with.
package main

import (
	"crypto/x509"
	"fmt"
)

func main() {
	pool, err := x509.SystemCertPool()
	fmt.Println(err == nil && !pool.Equal(x509.NewCertPool()), err)
}
