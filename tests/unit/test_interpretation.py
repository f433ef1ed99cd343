"""Queries in everyday language as words and filters."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.search.interpretation import interpret

NOW = datetime(2026, 11, 29, 19, 30, tzinfo=UTC)  # a Sunday


def read(query: str) -> tuple[str, str, str | None, str | None]:
    """Words, name, first day, and the day after the last."""
    found = interpret(query, NOW)
    since, until = (found.period.since, found.period.until) if found.period else (None, None)
    return found.words, found.name, _day(since), _day(until)


def _day(moment: datetime | None) -> str | None:
    return None if moment is None else moment.date().isoformat()


@pytest.mark.parametrize(
    ("query", "words", "since", "until"),
    [
        ("budget last month", "budget", "2026-10-01", "2026-11-01"),
        ("Budget letzten Monat", "Budget", "2026-10-01", "2026-11-01"),
        ("budget this year", "budget", "2026-01-01", "2027-01-01"),
        ("was war letzte Woche mit dem Hund", "was war mit dem Hund", "2026-11-16", "2026-11-23"),
        ("deliveries yesterday", "deliveries", "2026-11-28", "2026-11-29"),
        ("vorgestern Lieferungen", "Lieferungen", "2026-11-27", "2026-11-28"),
        ("what is new today", "what is new", "2026-11-29", "2026-11-30"),
        ("meetings in the last 3 days", "meetings", "2026-11-26", "2026-11-30"),
        ("in den letzten zwei Wochen Hund", "Hund", "2026-11-15", "2026-11-30"),
        ("invoice two weeks ago", "invoice", "2026-11-09", "2026-11-16"),
        ("vor drei Tagen Rechnung", "Rechnung", "2026-11-26", "2026-11-27"),
        ("on Sunday release", "release", "2026-11-29", "2026-11-30"),
        ("release last Sunday", "release", "2026-11-22", "2026-11-23"),
        ("am Freitag Vertrag", "Vertrag", "2026-11-27", "2026-11-28"),
        ("seit Montag Vertrag", "Vertrag", "2026-11-23", None),
        ("in March contract", "contract", "2026-03-01", "2026-04-01"),
        ("im Dezember Feier", "Feier", "2025-12-01", "2026-01-01"),
        ("in May 2025 contract", "contract", "2025-05-01", "2025-06-01"),
        ("seit Januar Umsatz", "Umsatz", "2026-01-01", None),
        ("before January 2025 plan", "plan", None, "2025-01-01"),
        ("Umsatz bis März 2026", "Umsatz", None, "2026-04-01"),
        ("budget in 2024", "budget", "2024-01-01", "2025-01-01"),
        ("release on 2026-03-01", "release", "2026-03-01", "2026-03-02"),
        ("am 3. März Vertrag", "Vertrag", "2026-03-03", "2026-03-04"),
        ("am 24.12. Feier", "Feier", "2025-12-24", "2025-12-25"),
        ("release on March 3", "release", "2026-03-03", "2026-03-04"),
    ],
)
def test_times_become_filters(query: str, words: str, since: str | None, until: str | None) -> None:
    assert read(query) == (words, "", since, until)


@pytest.mark.parametrize(
    ("query", "words", "name"),
    [
        ("what did Nick say about the budget?", "the budget", "Nick"),
        ("What has Anna Maria Schmidt told us about hiring", "hiring", "Anna Maria Schmidt"),
        ("when did Bob mention slow deliveries", "slow deliveries", "Bob"),
        ("Nick talked about hiring", "hiring", "Nick"),
        ("was hat Nick über das Budget gesagt", "das Budget", "Nick"),
        ("Was hat Anna Schmidt zum Umzug gesagt?", "Umzug", "Anna Schmidt"),
        ("hat Jürgen etwas von Paris erzählt?", "Paris", "Jürgen"),
        ("was meinte Nick zum Vertrag", "Vertrag", "Nick"),
        ("what did Nick say", "", "Nick"),
        ("Was hat Nick gesagt?", "", "Nick"),
        ("what did we discuss about the budget", "the budget", ""),
        ("was haben wir über den Hund besprochen", "den Hund", ""),
    ],
)
def test_people_become_filters(query: str, words: str, name: str) -> None:
    assert read(query) == (words, name, None, None)
    assert interpret(query, NOW).words_with_name == f"{name} {words}".strip()


def test_a_person_and_a_time() -> None:
    assert read("What did Nick say about the budget last month?") == ("the budget", "Nick", "2026-10-01", "2026-11-01")
    assert read("Was hat Anna Schmidt letzten Monat zum Umzug gesagt?") == ("Umzug", "Anna Schmidt", "2026-10-01", "2026-11-01")
    assert interpret("what did Nick say yesterday", NOW, person=False).name == ""
    assert interpret("budget last month", NOW, period=False).period is None


@pytest.mark.parametrize(
    "query",
    [
        "yesterday", "letzte Woche", "in march", "2024",  # the words alone
        '"last month" budget', "budget -yesterday", "yesterday or today",  # operators
        "may I ask", "Monday meeting", "last words", "the last day of school", "vor Weihnachten", "vor dem Haus",
        "on 2026-13-45 x", "mayor of march", "", "said the budget",
    ],
)  # fmt: skip
def test_other_queries_stay_as_they_are(query: str) -> None:
    assert read(query) == (query, "", None, None)


def test_days_begin_where_the_question_is_asked() -> None:
    berlin = datetime(2026, 11, 29, 0, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    period = interpret("budget yesterday", berlin).period
    assert period is not None
    assert period.since == datetime(2026, 11, 27, 23, tzinfo=UTC)
    summer = datetime(2026, 10, 26, 12, tzinfo=ZoneInfo("Europe/Berlin"))  # the day before had 25 hours
    period = interpret("budget yesterday", summer).period
    assert period is not None
    assert (period.since, period.until) == (datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 10, 25, 23, tzinfo=UTC))


WORDS = st.sampled_from(
    (
        *(
            "what",
            "did",
            "was",
            "hat",
            "Nick",
            "Anna",
            "say",
            "gesagt",
            "about",
            "über",
            "last",
            "letzten",
            "in",
            "vor",
            "seit",
        ),
        *(
            "on",
            "am",
            "month",
            "Monat",
            "Tagen",
            "days",
            "ago",
            "3",
            "31",
            "1000",
            "9999",
            "March",
            "2024",
            "2026-02-30",
            "9999-12-31",
            "0001-01-01",
            "30.",
        ),
        *("Februar", "Monday", "budget", "today", "?", ",", "a", "one"),
    )
)


@pytest.mark.parametrize("date", ["0001-01-01", "9999-12-31"])
def test_a_date_that_no_time_zone_can_express_is_a_word(date: str) -> None:
    assert read(f"budget {date}") == (f"budget {date}", "", None, None)


@given(st.lists(WORDS, max_size=40).map(" ".join) | st.text(max_size=1000))
def test_any_query_is_read(query: str) -> None:
    found = interpret(query, NOW)
    if found.period and found.period.since and found.period.until:
        assert found.period.since < found.period.until
