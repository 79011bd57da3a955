import std/times

echo now().year > 2000
