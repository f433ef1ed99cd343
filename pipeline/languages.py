"""Language codes of Whisper: ISO 639-1, or 639-3 where there is none."""

CODES = (
    "af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he hi hr ht hu hy id is "
    "it ja jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc pa pl ps pt ro ru sa sd si sk "
    "sl sn so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo zh yue"
)
LANGUAGES = frozenset(CODES.split())


def language_code(text: str) -> str:
    """`text` as a language code of Whisper. Raises ValueError; its message names the accepted values."""
    code = text.strip().lower()
    if code not in LANGUAGES:
        raise ValueError(f"{text!r} is not a language code that Whisper knows: write two letters, such as en or de.")
    return code
