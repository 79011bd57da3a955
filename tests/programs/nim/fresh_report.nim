import std/[times, strformat]

let at = fromUnix(1_000_000_000)
let local = at.local
echo fmt"{local.year}-{ord(local.month):02}"
