import std/[asyncdispatch, asyncnet, nativesockets]

proc main() {.async.} =
  try:
    let socket = await asyncnet.dial("localhost", Port(1))
    socket.close()
    echo "open"
  except CatchableError:
    echo "closed"

waitFor main()
