"""Source tree → static executables → image, along the data's way:

- ``project`` and ``detect``: a path → :class:`~whit.toolchains.model.Project`: which language, which folder decides
- ``tree``: its content → a digest; what hasn't changed isn't read again
- ``cache``: digest and wishes → programs that were built before
- ``languages`` → a :class:`~whit.toolchains.model.Toolchain`, one module a language (``go``, ``rust``, ``nim``, ``zig``, ``c``): which programs a project has,
  and the recipe that makes them, as data. A toolchain asks the machine through a :class:`~whit.toolchains.model.Kit` alone, so
  its tests give it answers of their own
- ``choosing``: which of the programs; ``process``: executes the recipe's steps; ``tools``: the machine's kit, where compilers are
- ``building`` is all of it; ``commands/`` the command line

To add a language: a module with a frozen dataclass that has what ``Toolchain`` asks for, a line in ``languages``, its tools in
``tools.TOOLS``; ``detect`` knows the names of files already.
"""
