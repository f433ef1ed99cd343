import { texts } from "./table";

export const useActionsText = texts(
  {
    rename: "Title",
    untitled: "The conversation",
    tags: "Tags",
    export: "Export",
    copyText: "Copy the text",
    copied: "The transcript is in the clipboard.",
    notCopied: "The transcript cannot be read.",
    txt: "Text (.txt)",
    srt: "Subtitles (.srt)",
    vtt: "Web subtitles (.vtt)",
    csv: "Table (.csv)",
    json: "Everything (.json)",
    rttm: "Turns (.rttm)",
    recording: "Recording",
    reprocess: "Reprocess",
    reprocessTitle: "Process the recording again",
    reprocessHint: "Corrected text is kept where the same words are recognised again. What cannot be kept is in the notes.",
    match: "Match the voices again",
    matchHint:
      "Each voice is compared with the people who are known now. Voices that were named by hand keep their names. It cannot be undone.",
    matchNow: "Match again",
    matched: (voices: number) =>
      voices === 0
        ? "All voices are who they were."
        : `${voices} ${voices === 1 ? "voice is" : "voices are"} somebody else now.`,
    more: "More",
    undo: "Undo",
    redo: "Redo",
    replace: "Replace words",
    deleted: (title: string) => `${title} is deleted.`,
    sounds: (one: string, other: string) => `${one} sounds like ${other}`,
    evidence: (similar: string, speech: string) => `${similar} similar, ${speech} of speech`,
  },
  {
    rename: "Titel",
    untitled: "Das Gespräch",
    tags: "Schlagwörter",
    export: "Exportieren",
    copyText: "Text kopieren",
    copied: "Das Transkript ist in der Zwischenablage.",
    notCopied: "Das Transkript lässt sich nicht lesen.",
    txt: "Text (.txt)",
    srt: "Untertitel (.srt)",
    vtt: "Web-Untertitel (.vtt)",
    csv: "Tabelle (.csv)",
    json: "Alles (.json)",
    rttm: "Sprecherwechsel (.rttm)",
    recording: "Aufnahme",
    reprocess: "Neu verarbeiten",
    reprocessTitle: "Die Aufnahme neu verarbeiten",
    reprocessHint:
      "Korrigierter Text bleibt, wo die Wörter wieder erkannt werden. Was nicht bleiben kann, steht in den Hinweisen.",
    match: "Stimmen neu zuordnen",
    matchHint:
      "Jede Stimme wird mit den jetzt bekannten Personen verglichen. Von Hand benannte Stimmen behalten ihre Namen. Das lässt sich nicht rückgängig machen.",
    matchNow: "Neu zuordnen",
    matched: (voices: number) =>
      voices === 0
        ? "Alle Stimmen gehören, wem sie gehörten."
        : `${voices} ${voices === 1 ? "Stimme gehört" : "Stimmen gehören"} jetzt jemand anderem.`,
    more: "Mehr",
    undo: "Rückgängig",
    redo: "Wiederholen",
    replace: "Wörter ersetzen",
    deleted: (title: string) => `${title} ist gelöscht.`,
    sounds: (one: string, other: string) => `${one} klingt wie ${other}`,
    evidence: (similar: string, speech: string) => `${similar} ähnlich, ${speech} Sprache`,
  },
);
