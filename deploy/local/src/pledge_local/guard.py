"""Becomes another program that dies when the process that started it dies.

Run as a script, before that program: `python guard.py PARENT SIGNAL IDENTITY PROGRAM ARGUMENT…`.
It asks the kernel to send SIGNAL when PARENT is gone, takes on IDENTITY, and replaces itself.
The pid stays the same, so that whoever kills this process kills the program.

IDENTITY is `-` (stay), `namespace` (an ordinary user inside a user namespace, still the owner of
the same files outside: PostgreSQL refuses to run as root), or the name of a user to become.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1
CLONE_NEWUSER = 0x10000000
# Any id but 0 will do inside the namespace.
INSIDE = 1000


def enter_namespace() -> None:
    """Become an ordinary user in a new user namespace. Raises OSError where that is forbidden."""
    user, group = os.geteuid(), os.getegid()
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "no user namespaces here")
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{INSIDE} {user} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{INSIDE} {group} 1", encoding="ascii")


def become(name: str) -> None:
    """Give up being root for the user `name`."""
    import pwd

    entry = pwd.getpwnam(name)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)


def die_with(parent: int, number: int) -> None:
    """Ask for signal `number` when the parent dies; leave at once if it died already."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        sys.exit(1)


def main(arguments: list[str]) -> None:
    """Set everything up and replace this process by the program."""
    parent, number, identity, program, *rest = arguments
    if identity == "namespace":
        enter_namespace()
    elif identity != "-":
        become(identity)
    # Last: the kernel forgets the request when a process changes its user.
    die_with(int(parent), int(number))
    os.execvp(program, [program, *rest])  # noqa: S606 - the whole point, and no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1:])
