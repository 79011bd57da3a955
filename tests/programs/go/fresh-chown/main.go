// Command fresh-chown finds the numbers of a user and a group.
package main

import (
	"fmt"
	"os/user"
)

func main() {
	account, err := user.Lookup("nobody")
	fmt.Println(account != nil, err == nil)
	group, err := user.LookupGroup("root")
	fmt.Println(group != nil, err == nil)
}
