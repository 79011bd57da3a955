// Command needs-tempdir is a program of the corpus that the rules on needs are tested with.
package main

import (
	"fmt"
	"os"
)

func main() { fmt.Println(os.TempDir()) }
