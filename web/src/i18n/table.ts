import { type Language, languageNow, useLanguage } from "./language";

/** A text, or a function of numbers and names that gives one. */
type Text = string | ((...values: never[]) => string);

type Same<Table> = { [Key in keyof Table]: Table[Key] extends string ? string : Table[Key] };

/**
 * A hook that gives the texts of a screen in the reader's language; `now` gives them outside of components. The German table
 * must have the same keys, with the same parameters. A screen imports its own table, so that a browser loads no other.
 */
export function texts<Table extends Record<string, Text>>(en: Table, de: Same<Table>) {
  const tables: Record<Language, Same<Table>> = { en: en as Same<Table>, de };
  const useTexts = () => tables[useLanguage()];
  return Object.assign(useTexts, { now: () => tables[languageNow()] });
}

/** `1 segment` or `3 segments`. */
export function plural(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
