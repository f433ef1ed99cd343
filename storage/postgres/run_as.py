"""Run a program as another user: python run_as.py UID GID /PATH/TO/PROGRAM ARGUMENT…

`subprocess` can change the user itself, but it forks for that. Libraries such as gRPC register handlers for forks, which can
end the child of a process with threads before it runs the program. Without a change of the user `subprocess` uses vfork, which
runs no handlers. So this file is the program that changes the user.
"""

import os
import sys

CANNOT_SWITCH = 125
"""The exit status where this process may not change its user."""


def main(uid: int, gid: int, command: list[str]) -> None:
    """Does not return. `command` begins with an absolute path: Python may lie where the user cannot import the rest of it from.

    Raises OSError where the program cannot be run.
    """
    try:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    except OSError as error:
        print(f"This process may not become the user {uid}: {error.strerror}.", file=sys.stderr)
        sys.exit(CANNOT_SWITCH)
    os.execv(command[0], command)  # noqa: S606  # no shell is wanted


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
