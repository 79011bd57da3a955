// Command needs-localtime is a program of the corpus that the rules on needs are tested with.
package main

import (
	"fmt"
	"time"
)

func main() { fmt.Println(time.Unix(0, 0)) }
