import std/[os, tempfiles]

let (file, path) = createTempFile("whit", ".txt")
file.write("x")
file.close()
removeFile(path)
echo "done"
