version = "1.0.0"
author = "whit"
description = "A small HTTP service"
license = "MIT"
srcDir = "src"
bin = @["nim_http"]
namedBin["nim_http"] = "nim-http"

requires "nim >= 1.6.0"
