import { plural, texts } from "./table";

export const useErasureText = texts(
  {
    erase: "Erase for good",
    eraseTitle: (name: string) => `Erase ${name}?`,
    erased: (name: string) => `${name} is erased.`,
    personHint: "The name, the voice, the emotions learned and every backup of them are removed. This cannot be undone.",
    conversationHint:
      "Its texts, its recording and all that was computed from them are removed, also from profiles and the history of changes. It takes some seconds and cannot be undone.",
    stays: (conversations: number) =>
      `Texts and recordings of ${plural(conversations, "conversation", "conversations")} stay; erase them one by one.`,
    pending: (what: string) => `Not removed yet, and tried again: ${what}`,
    backupsDeleted: (files: string) => `Backups that could not be read are deleted: ${files}.`,
  },
  {
    erase: "Endgültig entfernen",
    eraseTitle: (name: string) => `${name} entfernen?`,
    erased: (name: string) => `${name} ist entfernt.`,
    personHint:
      "Name, Stimme, gelernte Emotionen und alle Sicherungen davon werden entfernt. Das lässt sich nicht rückgängig machen.",
    conversationHint:
      "Die Texte, die Aufnahme und alles daraus Berechnete werden entfernt, auch aus Profilen und dem Verlauf der Änderungen. Das dauert einige Sekunden und lässt sich nicht rückgängig machen.",
    stays: (conversations: number) =>
      `Texte und Aufnahmen von ${plural(conversations, "Gespräch", "Gesprächen")} bleiben; entfernen Sie diese einzeln.`,
    pending: (what: string) => `Noch nicht entfernt, wird erneut versucht: ${what}`,
    backupsDeleted: (files: string) => `Sicherungen, die sich nicht lesen ließen, sind gelöscht: ${files}.`,
  },
);
