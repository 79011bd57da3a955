import std/mimetypes

let types = newMimetypes()
echo types.getMimetype("png")
