/** The languages that Whisper knows: ISO 639-1, or 639-3 where there is none (`pipeline/languages.py`). */
const CODES =
  "af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he hi hr ht hu hy id is " +
  "it ja jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc pa pl ps pt ro ru sa sd si sk " +
  "sl sn so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo zh yue";

/** Whisper's codes that are obsolete elsewhere. */
const TODAY: Record<string, string> = { jw: "jv" };

/** `English` for `en`, in the reader's language; the code where it has no name. */
export function languageName(code: string, language: string): string {
  try {
    return new Intl.DisplayNames(language, { type: "language" }).of(TODAY[code] ?? code) ?? code;
  } catch {
    return code; // not a code of a language
  }
}

/** Codes and names, by name. */
export function languageNames(language: string): { code: string; name: string }[] {
  const names = CODES.split(" ").map((code) => ({ code, name: languageName(code, language) }));
  return names.sort((one, other) => one.name.localeCompare(other.name, language));
}
