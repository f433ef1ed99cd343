"""Language codes of Whisper: ISO 639-1, or 639-3 where there is none."""

from collections.abc import Iterable

CODES = (
    "af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he hi hr ht hu hy id is "
    "it ja jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc pa pl ps pt ro ru sa sd si sk "
    "sl sn so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo zh yue"
)
LANGUAGES = frozenset(CODES.split())


AUTO = "auto"
"""Detects the language."""

_NAMES = (
    "english=en, chinese=zh, german=de, spanish=es, russian=ru, korean=ko, french=fr, japanese=ja, portuguese=pt, "
    "turkish=tr, polish=pl, catalan=ca, dutch=nl, arabic=ar, swedish=sv, italian=it, indonesian=id, hindi=hi, "
    "finnish=fi, vietnamese=vi, hebrew=he, ukrainian=uk, greek=el, malay=ms, czech=cs, romanian=ro, danish=da, "
    "hungarian=hu, tamil=ta, norwegian=no, thai=th, urdu=ur, croatian=hr, bulgarian=bg, lithuanian=lt, latin=la, "
    "maori=mi, malayalam=ml, welsh=cy, slovak=sk, telugu=te, persian=fa, latvian=lv, bengali=bn, serbian=sr, "
    "azerbaijani=az, slovenian=sl, kannada=kn, estonian=et, macedonian=mk, breton=br, basque=eu, icelandic=is, "
    "armenian=hy, nepali=ne, mongolian=mn, bosnian=bs, kazakh=kk, albanian=sq, swahili=sw, galician=gl, marathi=mr, "
    "punjabi=pa, sinhala=si, khmer=km, shona=sn, yoruba=yo, somali=so, afrikaans=af, occitan=oc, georgian=ka, "
    "belarusian=be, tajik=tg, sindhi=sd, gujarati=gu, amharic=am, yiddish=yi, lao=lo, uzbek=uz, faroese=fo, "
    "haitian creole=ht, pashto=ps, turkmen=tk, nynorsk=nn, maltese=mt, sanskrit=sa, luxembourgish=lb, myanmar=my, "
    "tibetan=bo, tagalog=tl, malagasy=mg, assamese=as, tatar=tt, hawaiian=haw, lingala=ln, hausa=ha, bashkir=ba, "
    "javanese=jw, sundanese=su, cantonese=yue"
)
"""English names, as Whisper has them."""
_ALIASES = (
    "mandarin=zh, burmese=my, farsi=fa, flemish=nl, castilian=es, valencian=ca, moldovan=ro, panjabi=pa, sinhalese=si, "
    "pushto=ps, letzeburgesch=lb, haitian=ht, filipino=tl, deutsch=de, français=fr, español=es, jp=ja, jv=jw, cn=zh, "
    "kr=ko, cz=cs, gr=el, iw=he, in=id, ji=yi, nb=no, fil=tl, cmn=zh, eng=en, deu=de, ger=de, fra=fr, fre=fr, spa=es, "
    "jpn=ja, zho=zh, chi=zh"
)
"""Other names, and codes that are mistaken for these, obsolete, or of ISO 639-2."""
_NAME_OF = {code: name for name, code in (pair.split("=") for pair in _NAMES.split(", "))}
ALIASES = dict(pair.split("=") for pair in f"{_NAMES}, {_ALIASES}".split(", "))


def language_code(text: str) -> str:
    """A language as people write it, such as `en`, `en-US`, `zh_CN`, `English` or `auto`, as a code of Whisper or `auto`.

    Regions and scripts are dropped. Raises ValueError; its message names the accepted values.
    """
    name = " ".join(text.casefold().split())
    for code in (name, name.replace("_", "-").partition("-")[0]):
        found = ALIASES.get(code, code)
        if found == AUTO or found in LANGUAGES:
            return found
    raise ValueError(f"{text[:40]!r} is no language that Whisper knows: write two letters, such as en or de, a name, or auto.")


def chosen_language(asked: str | None, default: str | None) -> str | None:
    """The language of a recording; None detects it. `auto` detects it also where the settings have a language."""
    return None if asked == AUTO else asked or default


def most_spoken_first(spoken: Iterable[tuple[str | None, float]]) -> list[str]:
    """The languages of pieces of speech, each given with its seconds; those without a language do not count."""
    seconds: dict[str, float] = {}
    for code, duration in spoken:
        if code is not None:
            seconds[code] = seconds.get(code, 0.0) + duration
    return sorted(seconds, key=seconds.__getitem__, reverse=True)


def language_name(code: str) -> str:
    """The English name of a language of Whisper, such as `english`."""
    return _NAME_OF.get(code, code)
