"""`python -m pledge_local up`: the same as `pledge up`, without looking for the command."""

from __future__ import annotations

from pledge.runtime.cli.root import main

if __name__ == "__main__":
    main()
