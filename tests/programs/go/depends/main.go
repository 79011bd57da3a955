package main

import (
	"fmt"

	"example.org/greeting"
)

func main() { fmt.Println(greeting.From("go")) }
