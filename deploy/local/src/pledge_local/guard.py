"""Becomes another program that dies when the process that started it dies.

Run as a script, before that program: `python guard.py PARENT SIGNAL IDENTITY PROGRAM ARGUMENT…`.
It asks the kernel to send SIGNAL when PARENT is gone, takes on IDENTITY, and replaces itself.
The pid stays the same, so that killing this process kills the program.

IDENTITY is `-` (stay), or, since PostgreSQL refuses to run as root, one of two ways to be root's
deputy without being root: `namespace` (an ordinary user inside a user namespace, who still owns
the same files outside; containers often forbid it), or the name of a user to become, who keeps
the one capability to pass folders and files that are not open to all.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_GET_SECUREBITS, PR_SET_SECUREBITS = 27, 28
SECBIT_NO_SETUID_FIXUP = 1 << 2
PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 47, 2
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION = 0x20080522
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
    """Give up being root for the user `name`, but for reading and writing root's files.

    Raises OSError where root itself may not do that.
    """
    import pwd

    entry = pwd.getpwnam(name)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    # access(2), by which initdb looks for its programs, counts capabilities of root alone unless
    # this bit is set. Where it may not be set, `main` finds out.
    bits = libc.prctl(PR_GET_SECUREBITS, 0, 0, 0, 0)
    libc.prctl(PR_SET_SECUREBITS, bits | SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
    # Effective, permitted, inheritable: 32 bits each, then the same for the bits above 31.
    only = (ctypes.c_uint32 * 6)(*[1 << CAP_DAC_OVERRIDE] * 3, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    is_set = libc.capset(header, only) == 0
    # Ambient ones survive the change to a program that knows nothing of capabilities.
    if not is_set or libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "this root may not hand on its right to files")


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
        if not os.access(program, os.X_OK):
            sys.exit(f"{program} may not be reached or run as {identity}")
    # Last: the kernel forgets the request when a process changes its user.
    die_with(int(parent), int(number))
    os.execvp(program, [program, *rest])  # noqa: S606 - the whole point, and no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1:])
