"""Names in summaries, stored as references to participants, so that they follow renamings: `{p12}` is participant 12."""

import re
from collections.abc import Mapping

_REFERENCE = re.compile(r"\{p(\d{1,10})\}")


def to_references(text: str, names: Mapping[int, str]) -> str:
    """Replace the names of participants, by id, as whole words. A name that two of them have refers to the first."""
    text = _REFERENCE.sub(lambda found: found[0].replace("{", "(").replace("}", ")"), text)
    by_name: dict[str, int] = {}
    for id_, name in names.items():
        by_name.setdefault(name, id_)
    if not by_name:
        return text
    longest_first = sorted(by_name, key=len, reverse=True)
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)")
    return pattern.sub(lambda found: f"{{p{by_name[found[0]]}}}", text)


def to_names(text: str, names: Mapping[int, str]) -> str:
    """The text with the present names; `…` for a participant that does not exist any more."""
    return _REFERENCE.sub(lambda found: names.get(int(found[1]), "…"), text)
