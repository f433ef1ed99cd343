"""Words of English and German that no conversation is about, and the other words of a question."""

import re

MAX_WORDS = 12
MIN_CHARS = 3
WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
COMMON = frozenset(
    WORD.findall(
        "a about actually after again ago all also am an and any anything are around as ask asked at away back be because "
        "been before being but by came can come could did didn't do does doesn't doing don't done down each even ever "
        "every everything few for from gave get getting give go goes going gonna good got great had has have having he "
        "he's her here him his how i i'd i'll i'm i've if in into is isn't it it's its just kind know last let let's like "
        "little look lot made make many maybe me mean more most much my never new no not nothing now of off oh okay on "
        "one only or other our out over own people perhaps please probably put quite really right said same saw say "
        "saying says see seen she she's should so some somebody something sort still such sure take talk tell than thank "
        "thanks that that's the their them then there there's these they they're they've thing things think this those "
        "thought time to today together told too took two under until up upon us use used very want wanted was wasn't way "
        "we we'll we're we've well went were what what's when where which while who whole whom whose why will with "
        "without won't work would yeah year years yes yet you you know you'll you're you've your aber ach alle allem "
        "allen aller alles als also am an andere anderen auch auf aus bei beim bin bis bisschen bist bitte da dabei dafür "
        "damit danke dann daran darauf das dass dazu dein dem den denke denn der des deshalb dich die dies diese diesem "
        "diesen dieser dieses dir doch dort du durch eben eigentlich ein einbisschen eine einem einen einer eines einfach "
        "einmal er es etwas euch euer für gab ganz gar gegen genau gesagt gibt glaube gut guten hab habe haben halt hast "
        "hat hatte hatten hier hin ich ihm ihn ihnen ihr ihre ihren im immer in ins irgendwie ist ja jede jeden jeder "
        "jetzt kann kannst kein keine können könnte kommt lassen mal man mehr mein meine mich mir mit muss müssen nach "
        "natürlich ne nein nicht nichts noch nun nur ob oder okay ohne schon sehr sein seine seit sich sie sind so soll "
        "sollte sollten sondern sonst tun über um und uns unser unsere unter viel viele vielen vielleicht vom von vor war "
        "waren warum was weil weiß welche wem wen wenn wer werde werden wie wieder will wir wird wirklich wo wollen wurde "
        "wurden würde würden zu zum zur zwei zwischen "
    )
)


def subject_words(question: str) -> list[str]:
    """The words to search for. In other languages than these two they are all words of the question."""
    found = (word for word in WORD.findall(question) if len(word) >= MIN_CHARS and word.casefold() not in COMMON)
    return list({word.casefold(): word for word in found}.values())[:MAX_WORDS]
