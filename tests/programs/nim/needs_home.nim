import std/os

echo getHomeDir().len > 0
