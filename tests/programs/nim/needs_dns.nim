import std/net

try:
  let socket = newSocket()
  socket.connect("localhost", Port(1), timeout = 200)
  echo "connected"
except CatchableError:
  echo "no"
