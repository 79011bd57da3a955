import std/dynlib

let library = loadLib("libz.so.1")
echo library != nil
