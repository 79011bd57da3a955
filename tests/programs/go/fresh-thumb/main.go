// Command fresh-thumb decodes a picture and writes it to a temporary file.
package main

import (
	"fmt"
	"image"
	"image/png"
	"os"
)

func main() {
	picture := image.NewGray(image.Rect(0, 0, 4, 4))
	out, err := os.CreateTemp("", "thumb-*.png")
	if err != nil {
		fmt.Println("no room")
		return
	}
	defer os.Remove(out.Name())
	fmt.Println(png.Encode(out, picture))
}
