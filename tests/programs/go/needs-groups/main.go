// Command needs-groups is a program of the corpus that the rules on needs are tested with.
package main

import (
	"fmt"
	"os/user"
)

func main() { fmt.Println(user.LookupGroup("root")) }
