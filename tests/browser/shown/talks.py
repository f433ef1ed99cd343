"""Realistic conversations for screenshots.

A line is `speaker [emotion confidence] flags: words`. `+` is an overlap with the line before, `~` is before a doubtful word.
"""

import re
from dataclasses import dataclass

PLANNING = """
Ana Lima: Good morning everyone. Two things today: hiring, and then the March budget.
Ben Stone [happy 0.84]: Morning! And for once I have good news about hiring.
Unknown_01: Morning. I am still on the train, so I may drop out for a moment.
Ana Lima [happy 0.71]: Then let us begin with the good news.
Ben Stone: We had eleven applications for the support desk, and three of them are really strong.
Ben Stone [happy 0.79]: One of them built the ticket system at ~Harkness, and she could begin in February.
Priya Nair [surprised 0.68]+: In February? I had planned for April.
Ben Stone: Yes, in February. Her contract ends with the year.
Priya Nair: Then I need the salary in the March numbers, and not in the second quarter.
Ana Lima: How much is it about?
Priya Nair: About four thousand two hundred a month, with everything.
Priya Nair+: Which we have, if the move to the new office waits until the summer.
Unknown_02 [angry 0.77]: We have moved that twice already. The lease on the old one ends in June.
Ana Lima: I know, and I do not want to move it a third time.
Unknown_02 [angry 0.64]+: Then somebody has to tell the landlord, and I would rather not be the one again.
Ben Stone: Could we begin the hiring with thirty hours, and go to forty in the summer?
Priya Nair [happy 0.66]: That would fit. I would only have to shift the ~licences by a month.
Unknown_01 [surprised 0.52]: Sorry, I was in a tunnel. Did you say thirty hours?
Ana Lima: Thirty hours from February, forty from July. Is that all right with you?
Unknown_01: It is, as long as the training is not cut. That was a mess last time.
Ben Stone [sad 0.61]: It was. We lost two good people over it.
Ana Lima: Then the training stays. Ben, will you write to her today?
Ben Stone [happy 0.88]: I will write to her right after this.
Priya Nair: I will have the new numbers on Thursday, with the office in June.
Unknown_02: Thank you. Then I can live with it.
Ana Lima [happy 0.74]: Good. That was quicker than I thought. Same time next week?
Ben Stone+: Same time next week.
"""

SUPPORT = """
Priya Nair: Good afternoon, accounts, Priya speaking.
Unknown_03 [angry 0.72]: I have your invoice here for the second time, and I paid the first one three weeks ago.
Priya Nair: I am sorry about that. Do you have the number of the invoice?
Unknown_03: It ends in four four one.
Priya Nair: I see it. The payment is here, but it was booked to last year's budget.
Unknown_03 [happy 0.63]: So I do not have to do anything?
Priya Nair: Nothing at all. I will cancel the second one now.
"""

INTERVIEW = """
Nick Okafor: You grew up beside the river. What do you remember of the flood?
Bill Baxley [sad 0.7]: That my mother carried the photographs upstairs before she carried me.
Nick Okafor: And the town, how did it change afterwards?
Bill Baxley: They built the wall, and for ten years nobody sat by the water.
Nick Okafor [surprised 0.6]: Ten years?
Bill Baxley: At least. I was the first one who opened a place there again.
"""

KITCHEN = """
Ana Lima [happy 0.81]: Who has eaten the last of the plum cake?
Tom Lima [happy 0.77]: It was like that when I came.
Unknown_04: I had one piece, and only a small one.
Tom Lima: The trains on Sunday are at nine and at eleven.
Ana Lima: Then we take the one at eleven, and have breakfast here.
"""

WAREHOUSE = """
Jonas Weber: Guten Morgen. Die Lieferung aus Bremen kommt erst am Mittwoch.
Mira Yıldız [surprised 0.58]: Am Mittwoch? Dann fehlen uns die Regale für zwei Tage.
Jonas Weber: Wir stellen solange alles in Halle drei.
Mira Yıldız: Gut. Und das Budget für den Stapler ist bewilligt.
"""

CALLERS = """
Diane Wells: Hello.
Sheila Cruz: Hello.
Diane Wells [surprised 0.72]: Oh, hello. I didn't know you were there.
Sheila Cruz: Neither did I. Okay.
Diane Wells [happy 0.66]: I thought, you know, I heard a beep. This is Diane in New Jersey.
Sheila Cruz: And I'm Sheila in Texas, originally from Chicago.
Diane Wells [happy 0.81]: Oh, I'm originally from Chicago also. I'm in New Jersey now though.
Sheila Cruz [happy 0.74]: Well, there isn't that much difference. They all call me a Yankee down here.
"""

FILLERS = "Yes. Right. I see. And then? Go on. Not really. Of course. Well, yes. I think so. No."

LINE = re.compile(r"(?P<who>[^:\[+]+?)(?: \[(?P<emotion>\w+) (?P<sure>[\d.]+)\])?(?P<overlap>\+)?: (?P<words>.+)")


@dataclass(frozen=True, slots=True)
class Said:
    """A line of a talk."""

    who: str
    words: tuple[str, ...]
    doubtful: frozenset[int]
    """Places of words."""
    emotion: str
    sure: float
    overlap: bool


def read(talk: str) -> list[Said]:
    """The lines of a talk."""
    return [_line(line) for line in talk.strip().splitlines()]


def _line(line: str) -> Said:
    found = LINE.fullmatch(line)
    assert found is not None, line
    words = found["words"].split()
    return Said(
        who=found["who"],
        words=tuple(word.removeprefix("~") for word in words),
        doubtful=frozenset(place for place, word in enumerate(words) if word.startswith("~")),
        emotion=found["emotion"] or "neutral",
        sure=float(found["sure"] or 0.9),
        overlap=found["overlap"] is not None,
    )
