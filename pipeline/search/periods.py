"""Times in a query: "last month", "letzten Monat", "on Monday", "vor drei Tagen", by rules for English and German."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Unit = Literal["day", "week", "month", "year"]
Bounds = tuple[datetime, datetime]

MAX_COUNT = 1000
"""Of units: beyond, it is no time that someone looks back to."""
YEARS = (1970, 2100)

_UNITS: dict[str, Unit] = {
    "day": "day",
    "days": "day",
    "tag": "day",
    "tage": "day",
    "tagen": "day",
    "week": "week",
    "weeks": "week",
    "woche": "week",
    "wochen": "week",
    "month": "month",
    "months": "month",
    "monat": "month",
    "monate": "month",
    "monaten": "month",
    "monats": "month",
    "year": "year",
    "years": "year",
    "jahr": "year",
    "jahre": "year",
    "jahren": "year",
}
_MONTHS = (
    *("january|januar|jänner", "february|februar", "march|märz|maerz", "april", "may|mai", "june|juni", "july|juli", "august"),
    *("september", "october|oktober", "november", "december|dezember"),
)
_WEEKDAYS = (
    *("monday|montag", "tuesday|dienstag", "wednesday|mittwoch", "thursday|donnerstag", "friday|freitag"),
    *("saturday|samstag|sonnabend", "sunday|sonntag"),
)
_NUMBERS = (
    *("one|a|an|ein|eine|einem|einer|einen", "two|zwei", "three|drei", "four|vier", "five|fünf", "six|sechs", "seven|sieben"),
    *("eight|acht", "nine|neun", "ten|zehn", "eleven|elf", "twelve|zwölf"),
)

UNIT = "|".join(_UNITS)
MONTH, WEEKDAY, NUMBER = "|".join(_MONTHS), "|".join(_WEEKDAYS), r"\d{1,4}|" + "|".join(_NUMBERS)
LAST = "last|past|previous|letzte[rnsm]?|vergangene[rnsm]?|vorige[rnsm]?"
THIS = "this|diese[rnsm]?"
YEAR = r"(?:19|20)\d\d"

_Read = Callable[[re.Match[str], datetime], Bounds | None]


@dataclass(frozen=True, slots=True)
class Period:
    text: str
    """As it stands in the query."""
    since: datetime | None
    until: datetime | None
    """The first moment after it."""


def find_period(query: str, now: datetime) -> tuple[Period, str] | None:
    """The first time in the query, and the query without it. `now` has the time zone of the client."""
    for match, bounds in _times(query, now):
        words = match.group("limit")
        since: datetime | None = bounds[0]
        until: datetime | None = bounds[1]
        if words:
            kind = _LIMITS[words.lower()]
            since, until = {"since": (since, None), "before": (None, since), "until": (None, until)}[kind]
        rest = f"{query[: match.start()].rstrip(' ,')} {query[match.end() :].lstrip(' ,')}".strip()
        return Period(match[0].strip(), since, until), rest
    return None


def _times(query: str, now: datetime) -> Iterator[tuple[re.Match[str], Bounds]]:
    for pattern, read in _PATTERNS:
        for match in pattern.finditer(query):
            if bounds := read(match, now):
                yield match, bounds


def _relative_day(match: re.Match[str], now: datetime) -> Bounds:
    word = " ".join(match["day"].lower().split())
    ago = {"yesterday": 1, "gestern": 1, "the day before yesterday": 2, "day before yesterday": 2, "vorgestern": 2}.get(word, 0)
    return _days(now, -ago)


def _unit_before(match: re.Match[str], now: datetime) -> Bounds:
    return _unit(now, _UNITS[match["unit"].lower()], -1)


def _this_unit(match: re.Match[str], now: datetime) -> Bounds:
    return _unit(now, _UNITS[match["unit"].lower()], 0)


def _last_units(match: re.Match[str], now: datetime) -> Bounds | None:
    """ "in the last three weeks": until now."""
    count, unit = _number(match["number"]), _UNITS[match["unit"].lower()]
    if not 0 < count <= MAX_COUNT:
        return None
    since = _days(now, -count * {"day": 1, "week": 7}.get(unit, 0))[0]
    if unit in ("month", "year"):
        since = _month(now, -count * (12 if unit == "year" else 1), day=now.day)
    return since, _days(now, 0)[1]


def _units_ago(match: re.Match[str], now: datetime) -> Bounds | None:
    count = _number(match["number"])
    return _unit(now, _UNITS[match["unit"].lower()], -count) if 0 < count <= MAX_COUNT else None


def _weekday(match: re.Match[str], now: datetime) -> Bounds:
    """The last one; today is "on Monday", but not "last Monday"."""
    ago = (now.weekday() - _index(_WEEKDAYS, match["weekday"])) % 7
    return _days(now, -(ago or 7 if match["last"] else ago))


def _named_month(match: re.Match[str], now: datetime) -> Bounds | None:
    number = _index(_MONTHS, match["month"]) + 1
    year = int(match["year"]) if match["year"] else now.year - (number > now.month)
    if match["last"] and not match["year"] and number == now.month:
        year -= 1
    start = now.replace(year=year, month=number, day=1, hour=0, minute=0, second=0, microsecond=0)
    return start, _month(start, 1)


def _named_year(match: re.Match[str], now: datetime) -> Bounds:
    start = _month(now, 0).replace(year=int(match["year"]), month=1)
    return start, start.replace(year=start.year + 1)


def _date(match: re.Match[str], now: datetime) -> Bounds | None:
    parts = match.groupdict()
    month = _index(_MONTHS, parts["month"]) + 1 if parts.get("month") else int(parts["number"])
    day = int(parts["day"])
    year = int(parts["year"]) if parts["year"] else now.year - ((month, day) > (now.month, now.day))
    try:
        return _days(now.replace(year=year, month=month, day=day), 0)
    except ValueError:
        return None


def _days(now: datetime, offset: int) -> Bounds:
    start = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=offset)
    return start, start + timedelta(days=1)


def _unit(now: datetime, unit: Unit, offset: int) -> Bounds:
    """The calendar unit that is `offset` from the present one. Weeks begin on Monday."""
    if unit == "day":
        return _days(now, offset)
    if unit == "week":
        start = _days(now, -now.weekday() + 7 * offset)[0]
        return start, start + timedelta(days=7)
    if unit == "month":
        return _month(now, offset), _month(now, offset + 1)
    first = -now.month + 1 + 12 * offset
    return _month(now, first), _month(now, first + 12)


def _month(now: datetime, offset: int, day: int = 1) -> datetime:
    months = now.year * 12 + now.month - 1 + offset
    year, month = max(YEARS[0], months // 12), months % 12 + 1
    return now.replace(year=year, month=month, day=min(day, 28), hour=0, minute=0, second=0, microsecond=0)


def _index(words: tuple[str, ...], word: str) -> int:
    return next(i for i, group in enumerate(words) if word.lower() in group.split("|"))


def _number(word: str) -> int:
    return int(word) if word.isdigit() else _index(_NUMBERS, word) + 1


_LIMITS = {
    "since": "since",
    "seit": "since",
    "before": "before",
    "vor": "before",
    "until": "until",
    "till": "until",
    "bis": "until",
}


def _pattern(body: str, read: _Read, *, limits: str = "since|seit|before|until|till|bis") -> tuple[re.Pattern[str], _Read]:
    begin = rf"(?<!\w)(?:(?P<limit>{limits})\s+)?"
    return re.compile(rf"{begin}{body}(?!\w)", re.IGNORECASE), read


_IN = r"(?:(?:in|im|during|over|within|während|aus|from|of|am|on)\s+)?(?:(?:the|den|dem|der|des|die|das)\s+)?"
_ON = r"(?:on|am|vom|from)\s+"
_DURING = r"(?:in|im|im\s+jahre?|from|during|aus)\s+"
_LIMITED = "".join(f"(?<=\\b{word}\\s)|" for word in ("since", "seit", "before", "until", "till", "bis", "vor"))[:-1]
"""After such a word a time needs no preposition."""
_WITH_VOR = "since|seit|before|vor|until|till|bis"

_PATTERNS = (
    _pattern(rf"(?:on\s+)?(?P<year>{YEAR})-(?P<number>\d\d)-(?P<day>\d\d)", _date, limits=_WITH_VOR),
    _pattern(
        rf"(?:(?:am|vom|dem|on)\s+)*(?:the\s+)?(?P<day>\d\d?)(?:\.|st|nd|rd|th)?\s+(?:of\s+)?(?P<month>{MONTH})"
        rf"(?:\s+(?P<year>{YEAR}))?",
        _date,
        limits=_WITH_VOR,
    ),
    _pattern(rf"(?:on\s+)?(?P<month>{MONTH})\s+(?P<day>\d\d?)(?:st|nd|rd|th)?(?!\d)(?:,?\s+(?P<year>{YEAR}))?", _date),
    _pattern(rf"(?:am|vom|dem)\s+(?P<day>\d\d?)\.\s?(?P<number>\d\d?)\.(?P<year>{YEAR})?", _date, limits=_WITH_VOR),
    _pattern(rf"{_IN}(?:{LAST})\s+(?P<number>{NUMBER})\s+(?P<unit>{UNIT})", _last_units),
    _pattern(rf"(?P<number>{NUMBER})\s+(?P<unit>{UNIT})\s+ago", _units_ago),
    _pattern(rf"vor\s+(?P<number>{NUMBER})\s+(?P<unit>{UNIT})", _units_ago),
    _pattern(rf"{_IN}(?:{LAST})\s+(?P<unit>{UNIT})(?!\s+of\b)", _unit_before),
    _pattern(rf"{_IN}(?:{THIS})\s+(?P<unit>{UNIT})", _this_unit),
    _pattern(r"(?P<day>(?:the\s+)?day\s+before\s+yesterday|vorgestern|yesterday|gestern|today|heute)", _relative_day),
    _pattern(rf"(?:{_ON})?(?P<last>{LAST})\s+(?P<weekday>{WEEKDAY})", _weekday, limits=_WITH_VOR),
    _pattern(rf"(?:{_ON}|{_LIMITED})(?P<last>(?!))?(?P<weekday>{WEEKDAY})", _weekday, limits=_WITH_VOR),
    _pattern(rf"(?:{_DURING}|{_LIMITED})(?P<last>(?:{LAST})\s+)?(?P<month>{MONTH})(?:\s+(?P<year>{YEAR}))?", _named_month),
    _pattern(rf"(?P<last>(?!))?(?P<month>{MONTH})\s+(?P<year>{YEAR})", _named_month, limits=_WITH_VOR),
    _pattern(rf"(?:{_DURING}|{_LIMITED})(?P<year>{YEAR})", _named_year, limits=_WITH_VOR),
)
"""The first that fits counts: longer forms before those that they contain."""
