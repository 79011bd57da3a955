import std/[os, osproc, strutils]

if findExe("no-such-tool").len == 0:
  echo "not installed"
else:
  echo execProcess("no-such-tool").splitLines.len
