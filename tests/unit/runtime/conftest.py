"""Random tests of the runtime run on loaded machines too: none of them is about time."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("whit", deadline=None)
settings.load_profile("whit")
