import std/posix

let root = getpwnam("root")
echo root != nil and root.pw_uid == 0
