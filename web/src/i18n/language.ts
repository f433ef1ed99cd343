/** The language of the page: English or German. */
import { Store, useStore } from "@/lib/store";

export const LANGUAGES = { en: "English", de: "Deutsch" } as const;
export type Language = keyof typeof LANGUAGES;

const CHOICE = "vivavoce.language";

function preferred(): Language {
  const chosen = localStorage.getItem(CHOICE);
  if (chosen && chosen in LANGUAGES) return chosen as Language;
  const wanted = navigator.languages.map((code) => code.slice(0, 2)).find((code) => code in LANGUAGES);
  return (wanted as Language | undefined) ?? "en";
}

const current = new Store(preferred());
document.documentElement.lang = current.snapshot();

export function setLanguage(language: Language): void {
  localStorage.setItem(CHOICE, language);
  document.documentElement.lang = language;
  current.set(language);
}

export function useLanguage(): Language {
  return useStore(current);
}

/** How the reader writes dates and numbers: `en-GB` where the page is in English and the browser prefers that. */
export function useLocale(): string {
  const language = useLanguage();
  return navigator.languages.find((code) => code.startsWith(language)) ?? language;
}

/** The same outside of components. */
export function languageNow(): Language {
  return current.snapshot();
}
