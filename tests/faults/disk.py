"""A disk so small that a test can fill it: a file system in memory, which only root can mount."""

import errno
import os
import subprocess


class SmallDisk:
    """A few MiB at a folder, and a ballast file that fills them."""

    def __init__(self, folder, mebibytes, owner=None):
        assert os.getuid() == 0, "a full disk is tried on a file system of its own: mounting one needs root"
        self.folder = folder
        folder.mkdir(exist_ok=True)
        assert not any(folder.iterdir()), "what stands in the folder would be hidden"
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(folder)], check=True)
        if owner:
            subprocess.run(["chown", owner, str(folder)], check=True)
        self.ballast = folder / "ballast"

    def fill(self, leave=0):
        """Takes all that is free but `leave` bytes; what others free meanwhile they may use."""
        free = os.statvfs(self.folder)
        left = free.f_bavail * free.f_frsize - leave
        with open(self.ballast, "ab", buffering=0) as ballast:
            try:
                while left > 0:
                    left -= ballast.write(bytes(min(left, 65536)))
            except OSError as full:
                assert full.errno == errno.ENOSPC

    def free(self):
        """Gives back what the ballast took."""
        self.ballast.unlink()

    def unmount(self):
        """The disk goes, whoever still has a file open on it."""
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True)
        self.folder.rmdir()
