"""AArch64: instructions, references and calling conventions, as :class:`whit.packer.syscalls.machine.Machine` asks for them."""
