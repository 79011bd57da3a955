// Command needs-smtp is a program of the corpus that the rules on needs are tested with.
package main

import (
	"fmt"
	"net/smtp"
)

func main() { fmt.Println(smtp.SendMail("x:25", nil, "a", nil, nil)) }
