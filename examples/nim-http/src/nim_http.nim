## A small HTTP service: it tells the time, and that it is well.

import std/[asyncdispatch, asynchttpserver, os, posix, strutils, times]

proc answer(request: Request) {.async, gcsafe.} =
  if request.reqMethod notin {HttpGet, HttpHead}:
    await request.respond(Http405, "only GET\n")
    return
  case request.url.path
  of "/": await request.respond(Http200, "hello from Nim, it is " & now().utc.format("yyyy-MM-dd'T'HH:mm:ss'Z'") & "\n")
  of "/healthz": await request.respond(Http200, "ok\n")
  else: await request.respond(Http404, "not found\n")

proc main() {.async.} =
  let server = newAsyncHttpServer()
  server.listen(Port(parseInt(getEnv("PORT", "8080"))))
  stderr.writeLine("listening on port ", getEnv("PORT", "8080"))
  while true:
    if server.shouldAcceptRequest():
      await server.acceptRequest(answer)
    else:
      await sleepAsync(100)

onSignal(SIGTERM):
  quit(0)

waitFor main()
