// Command fresh-meeting shows one moment in several cities.
package main

import (
	"fmt"
	"time"
)

func main() {
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	for _, city := range []string{"Europe/Paris", "Asia/Kolkata", "US/Pacific"} {
		where, err := time.LoadLocation(city)
		if err != nil {
			fmt.Println(city, "unknown")
			continue
		}
		fmt.Println(city, at.In(where).Format(time.Kitchen))
	}
}
