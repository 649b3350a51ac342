"""Which file systems lie where, and whether the kernel hears of what happens on them. Pure but for reading /proc."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

# What other machines, or programs beside the kernel, do on these is told to nobody here.
_UNHEARD = frozenset(
    """nfs nfs4 cifs smb3 smbfs ncpfs afs coda ceph glusterfs lustre gpfs beegfs orangefs ocfs2 gfs2 9p virtiofs vboxsf
    prl_fs vmhgfs drvfs davfs fuse""".split()
)
_OCTAL = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True, order=True)
class Mount:
    """Where a file system begins, as the `os` functions take it, and its kind: ext4, nfs4, fuse.sshfs."""

    point: str
    kind: str

    @property
    def is_heard(self) -> bool:
        """Whether events come for all that happens on it."""
        return self.kind not in _UNHEARD and not self.kind.startswith("fuse.")


def read() -> list[Mount]:
    """All mounts that this process sees; none where there is no /proc."""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            return parse(file)
    except OSError:
        return []


def parse(lines: Iterable[str]) -> list[Mount]:
    """Of lines as proc(5) describes /proc/[pid]/mountinfo: later ones lie over earlier ones."""
    found = []
    for line in lines:
        fields, dash, rest = line.partition(" - ")
        parts, kind = fields.split(" "), rest.split(" ")[0]
        if dash and kind and len(parts) > 4:
            found.append(Mount(_plain(parts[4]), kind))
    return found


def _plain(field: str) -> str:
    """Blanks and backslashes are written as \\040 and \\134."""
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), field)


def below(root: str, mounts: Iterable[Mount]) -> frozenset[Mount]:
    """Those that begin at the root or below it."""
    return frozenset(it for it in mounts if it.point == root or it.point.startswith(root.rstrip("/") + "/"))


def holding(folder: str, mounts: Iterable[Mount]) -> Mount | None:
    """The mount that a folder lies on: the deepest, of equal ones the last."""
    found: Mount | None = None
    for mount in mounts:
        is_above = folder == mount.point or folder.startswith(mount.point.rstrip("/") + "/")
        if is_above and (found is None or len(mount.point) >= len(found.point)):
            found = mount
    return found
