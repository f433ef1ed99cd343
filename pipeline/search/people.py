"""The person in a question: "what did Nick say about the budget", "was hat Nick über das Budget gesagt", by rules."""

import re
from dataclasses import dataclass

_NAME = r"(?P<name>[^\W\d][\w'’.-]*(?:\s+[^\W\d][\w'’.-]*){0,2}?)"
_SAID = "say|said|tell|told|talk|talked|speak|spoke|spoken|mention|mentioned|discuss|discussed|think|thought|decided?|ask|asked"
_SAYS = rf"{_SAID}|says|mentions|thinks|talks|speaks|asks"
_GESAGT = "gesagt|erzählt|erwähnt|gemeint|gesprochen|geredet|besprochen|diskutiert|beschlossen|gefragt|entschieden|berichtet"
_SAGT = "sagt|sagte|meint|meinte|erzählt|erzählte|fragt|fragte|denkt|dachte"
_ABOUT = r"(?:\s+(?:something|anything|us|me|it))?(?:\s+(?:about|of|on|regarding|concerning|that|to\s+us\s+about))?"
_ETWAS = r"(?:\s+(?:etwas|was|uns|mir))?"
_UEBER = rf"{_ETWAS}\s+(?:über|zum|zur|zu|von|vom|wegen)\s+"
_WH = r"(?:what|when|where|why|how|which)"
_WAS = r"(?:was|wann|wo|warum|wie)"

_PATTERNS = tuple(
    re.compile(rf"^\s*{pattern}\s*[?.!]*\s*$", re.IGNORECASE)
    for pattern in (
        rf"(?:{_WH}\s+)?(?:did|has|have|does|do|had)\s+{_NAME}\s+(?:{_SAID}){_ABOUT}(?:\s+(?P<rest>.*?))?",
        rf"{_WH}\s+{_NAME}\s+(?:{_SAYS}){_ABOUT}(?:\s+(?P<rest>.*?))?",
        rf"{_NAME}\s+(?:said|told|talked|spoke|says|mentioned)\s+(?:about|of|on|that)\s+(?P<rest>.+?)",
        rf"(?:{_WAS}\s+)?(?:hat|haben|hatte|hatten)\s+{_NAME}(?:{_UEBER}(?P<rest>.+?)|{_ETWAS})\s+(?:{_GESAGT})",
        rf"(?:{_WAS}\s+)?(?:{_SAGT})\s+{_NAME}(?:{_UEBER}(?P<rest>.+?)|{_ETWAS})",
        rf"{_NAME}\s+(?:{_SAGT})\s+(?:über|zum|zur|zu|von|dass)\s+(?P<rest>.+?)",
    )
)
"""Of the whole query, without its times."""

NOBODY = frozenset(
    (
        *("i", "we", "you", "they", "he", "she", "it", "who", "someone", "somebody", "anyone", "anybody", "everyone", "people"),
        *("ich", "wir", "du", "ihr", "sie", "er", "es", "man", "wer", "jemand", "alle", "leute", "one", "us", "me"),
    )
)
"""Words that are no names, in the place of a name."""


@dataclass(frozen=True, slots=True)
class Asked:
    name: str
    """Empty where the question names no person: "what did we say about …"."""
    rest: str
    """The subject of the question."""


def find_person(query: str) -> Asked | None:
    for pattern in _PATTERNS:
        if match := pattern.match(query):
            name = match["name"]
            return Asked("" if name.lower() in NOBODY else name, (match["rest"] or "").strip())
    return None
