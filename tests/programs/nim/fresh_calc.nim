import std/[math, sequtils]

echo toSeq(1..10).mapIt(it * it).foldl(a + b) + int(sqrt(16.0))
