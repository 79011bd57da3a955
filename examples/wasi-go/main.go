// The SHA-256 of files, or of what comes in: what sha256sum prints.
package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
)

func sum(name string, file io.Reader) error {
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return err
	}
	fmt.Printf("%x  %s\n", hash.Sum(nil), name)
	return nil
}

func sumOf(name string) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	return sum(name, file)
}

func main() {
	if len(os.Args) == 1 {
		if err := sum("-", os.Stdin); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	code := 0
	for _, name := range os.Args[1:] {
		if err := sumOf(name); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}
