"""The doctor: compares database, disk, derivatives and weights, and mends what can be mended.

Each app registers its own checks in `AppConfig.ready()` (`registry.register`). A check finds, in portions and without
changing anything; its fix, if it has one, may be repeated at any time, never writes into a library, and deletes nothing
but what PictoPy can make again. `running` has them carried out, for the page and for `manage.py doctor`.
"""
