"""What lies on which file system, and whether the kernel hears of it."""

from __future__ import annotations

import pytest

from gallery import mounts
from gallery.mounts import Mount

LINES = r"""22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
31 27 0:40 / /srv/photos rw master:2 propagate_from:1 - nfs4 nas:/photos rw,vers=4.2
32 31 8:1 / /srv/photos/USB\040stick rw - fuseblk /dev/sda1 rw
33 27 0:50 / /srv/back\134slash rw - fuse.rclone remote: rw
a line that is none
""".splitlines()
KNOWN = mounts.parse(LINES)


def test_mounts_are_read_with_their_kind_and_their_blanks() -> None:
    assert KNOWN[2:] == [
        Mount("/srv/photos", "nfs4"),
        Mount("/srv/photos/USB stick", "fuseblk"),
        Mount("/srv/back\\slash", "fuse.rclone"),
    ]


@pytest.mark.parametrize(
    ("folder", "is_heard"),
    [
        ("/home/anna", True),
        ("/srv/photos", False),
        ("/srv/photos/2018", False),
        ("/srv/photosets", True),
        ("/srv/photos/USB stick/DCIM", True),
        ("/srv/back\\slash", False),
    ],
)
def test_what_other_machines_do_is_not_heard(folder: str, is_heard: bool) -> None:
    mount = mounts.holding(folder, KNOWN)
    assert mount is not None
    assert mount.is_heard == is_heard


def test_of_two_mounts_in_one_place_the_later_lies_over_the_earlier() -> None:
    assert mounts.holding("/a/b", [Mount("/a", "cifs"), Mount("/a", "ext4")]) == Mount("/a", "ext4")


def test_the_drives_in_a_folder_are_told() -> None:
    assert {mount.kind for mount in mounts.below("/srv/photos", KNOWN)} == {"nfs4", "fuseblk"}
    assert mounts.below("/srv/photo", KNOWN) == frozenset()
    assert len(mounts.below("/", KNOWN)) == 5


def test_this_machine_has_a_root() -> None:
    assert mounts.holding("/nowhere/at/all", mounts.read()) is not None
