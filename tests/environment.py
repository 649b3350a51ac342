"""Sets the environment of the tests before Django reads it. Loaded by pytest as a plugin (`-p tests.environment`)."""

import gc
import os
import tempfile
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent

# A developer's own settings must not leak into the tests; where the tests' database is, and the weights, may be chosen.
for name in list(os.environ):
    if name.startswith("PICTOPY_") and name not in {"PICTOPY_MODEL_MIRROR"}:
        del os.environ[name]

DATA = Path(tempfile.mkdtemp(prefix="pictopy-tests-"))
os.environ["PICTOPY_DATA"] = str(DATA / "data")
(DATA / "data" / "static").mkdir(parents=True)  # whitenoise warns when it is absent
os.environ["PICTOPY_MODELS"] = str(DATA / "models")
os.environ["PICTOPY_ROOTS"] = str(DATA)
os.environ["PICTOPY_WORKERS"] = "2"
os.environ["PICTOPY_SETTLE_S"] = "0"  # tests make files and scan at once
os.environ["PICTOPY_SECRET_KEY"] = "for-the-tests-only"
os.environ["DJANGO_SETTINGS_MODULE"] = "pictopy_site.settings"

_mirror = os.environ.get("PICTOPY_MODEL_MIRROR") or str(_ROOT.parent / "shared" / "models")
os.environ["PICTOPY_MODEL_MIRROR"] = str((_ROOT / _mirror).resolve())

# A suite makes millions of small objects that live on: looking through them for cycles is a tenth of its time.
gc.set_threshold(200_000, 20, 20)
