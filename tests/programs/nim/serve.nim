import std/[asyncdispatch, asynchttpserver, os, strutils]

proc answer(request: Request) {.async, gcsafe.} =
  await request.respond(Http200, "hello from nim: " & request.url.path & "\n")

proc main() {.async.} =
  ## Answers every request; argument: the port.
  let server = newAsyncHttpServer()
  server.listen(Port(parseInt(paramStr(1))), "127.0.0.1")
  while true:
    await server.acceptRequest(answer)

waitFor main()
