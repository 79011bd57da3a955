"""WebAssembly: compiled here once, run by an engine without a compiler (embedder/), confined like any program. docs/wasm.md."""
