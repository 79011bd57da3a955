// Command needs-current is a program of the corpus that the rules on needs are tested with.
package main

import (
	"fmt"
	"os/user"
)

func main() {
	account, err := user.Current()
	fmt.Println(*account, err)
}
