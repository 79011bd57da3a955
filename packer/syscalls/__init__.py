"""The system calls that an executable's own machine code can make, found without running it.

The way of the data: image (what stands where in memory) → bounds (where functions begin) → references (who jumps,
calls and points where, without disassembly) → program (instructions and the ways into them) → demands (which values a
call's number can have) → found.
"""
