"""`vivavoce search`: find segments in the conversations of a running application."""

from datetime import datetime
from typing import Annotated, Any, Literal

import typer

from settings import Settings

TIMEOUT_S = 30.0


def search(
    query: Annotated[list[str], typer.Argument(help="Words, or a question such as: what did Nick say about the budget")],
    mode: Annotated[Literal["auto", "words", "meaning"], typer.Option(help="By words, by meaning, or both.")] = "auto",
    speaker: Annotated[str, typer.Option(help="Only what this speaker said.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=100, help="Hits at most.")] = 20,
    as_written: Annotated[bool, typer.Option("--as-written", help="Times and names in the query are words.")] = False,
    url: Annotated[str | None, typer.Option(help="Where the application runs. [default: this machine, PORT]")] = None,
) -> None:
    """Find what was said, by words and by meaning."""
    from vivavoce.access.credential import headers
    from vivavoce.remote import get

    settings = Settings()
    address = url or settings.address
    asked = {"q": " ".join(query), "mode": mode, "speaker": speaker, "limit": limit, "interpret": not as_written}
    print(_report(get(address, headers(address, settings), "/search", asked, TIMEOUT_S)))


def _report(found: dict[str, Any]) -> str:
    lines = [f"({part['text']}: {part['speaker_name'] or _span(part)})" for part in found["recognized"]]
    for hit in found["results"]:
        when = datetime.fromisoformat(hit["time"]).astimezone()
        like = "  ~" if hit["matched"] == "meaning" else ""
        lines.append(f"{when:%Y-%m-%d %H:%M}  {hit['conversation_id']}  {hit['speaker_name']}: {hit['text'].strip()}{like}")
    if not found["results"]:
        lines.append("Nothing was found.")
    elif any(hit["matched"] == "meaning" for hit in found["results"]):
        lines.append("~ means the same, without the words")
    if found["note"]:
        lines.append(found["note"])
    if coverage := found.get("coverage"):
        from services.search.coverage import Coverage

        lines.append(str(Coverage(**coverage)))
    return "\n".join(lines)


def _span(part: dict[str, Any]) -> str:
    since, until = (datetime.fromisoformat(part[end]).astimezone() if part[end] else None for end in ("since", "until"))
    return f"{f'{since:%Y-%m-%d}' if since else ''} to {f'{until:%Y-%m-%d}' if until else 'now'}"
