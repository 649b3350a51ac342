"""How many examples property tests try: few in the quick suite, all where time is no matter (`make slow`)."""

import os

IS_THOROUGH = bool(os.environ.get("TEST_THOROUGH"))
# Tests that say nothing themselves: `settings` in tests/conftest.py.
USUAL = 100 if IS_THOROUGH else 25


def examples(thorough: int) -> int:
    """For `max_examples`: a fifth of it, but at least ten, in the quick suite."""
    return thorough if IS_THOROUGH else min(thorough, max(10, thorough // 5))
