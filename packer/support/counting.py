"""How many of something, in words. Pure."""


def counted(number: int, one: str, many: str = "") -> str:
    """``1 file``, ``2 files``; ``many`` is the plural where that isn't made by an s."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"
