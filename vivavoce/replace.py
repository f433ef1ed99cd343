"""`vivavoce replace`: replace words in a transcript of a running application."""

from typing import Annotated, Any

import typer

from settings import Settings

TIMEOUT_S = 120.0


def replace(
    conversation: Annotated[int, typer.Argument(min=1, help="Its number.")],
    find: Annotated[str, typer.Argument(help="Words to find, as they are.")],
    replacement: Annotated[str, typer.Argument(metavar="REPLACE", help="Words in their place.")],
    apply: Annotated[bool, typer.Option("--apply", help="Change the transcript; without it changes are only printed.")] = False,
    match_case: Annotated[bool, typer.Option("--match-case", help="Distinguish capital letters.")] = False,
    whole_words: Annotated[bool, typer.Option("--whole-words", help="Not inside of other words.")] = False,
    url: Annotated[str | None, typer.Option(help="Where the application runs. [default: this machine, PORT]")] = None,
) -> None:
    """Replace words in all segments of a conversation, and print what that changes. It can be undone in the page."""
    from vivavoce.access.credential import headers
    from vivavoce.remote import post

    settings = Settings()
    address = url or settings.address
    words = {"find": find, "replace": replacement, "match_case": match_case, "whole_words": whole_words, "dry_run": not apply}
    path = f"/conversations/{conversation}/replace"
    print(_report(post(address, headers(address, settings), path, words, TIMEOUT_S), applied=apply))


def _report(found: dict[str, Any], *, applied: bool) -> str:
    lines = [line for one in found["segments"] for line in (f"- {one['before'].strip()}", f"+ {one['after'].strip()}")]
    number = f"{found['matches']} place(s) in {len(found['segments'])} segment(s)"
    if not found["segments"]:
        end = "Nothing to replace."
    else:
        end = f"{number} changed." if applied else f"{number} would change: give --apply to change them."
    return "\n".join([*lines, end, *found["notes"]])
