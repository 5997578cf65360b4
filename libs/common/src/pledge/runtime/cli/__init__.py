"""The `pledge` command's root, its shared parts, and the sub-commands of the runtime."""
