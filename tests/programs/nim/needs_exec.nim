import std/osproc

let (output, code) = execCmdEx("true")
echo output.len, " ", code == 0 or code != 0
