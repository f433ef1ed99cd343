/** Keyboard shortcuts: screens bind keys while they are shown, and the list of keys shows what is bound. */
import { useEffect } from "react";

import { Store, useStore } from "./store";

export interface Shortcut {
  /** As in `KeyboardEvent.key`, with modifiers before it: `j`, `?`, `Ctrl+z`, `Alt+ArrowUp`. `Ctrl` is also the Mac's ⌘. */
  keys: readonly string[];
  description: string;
  /** Returns false to leave the key to the browser. */
  run: (event: KeyboardEvent) => unknown;
  /** Also while the reader types in a field. */
  inFields?: boolean;
}

const bound = new Store<readonly (readonly Shortcut[])[]>([]);

/** Bind the shortcuts while the component is shown. Keep the array between renders (`useMemo`). */
export function useShortcuts(shortcuts: readonly Shortcut[]): void {
  useEffect(() => {
    bound.set([...bound.snapshot(), shortcuts]);
    return () => bound.set(bound.snapshot().filter((each) => each !== shortcuts));
  }, [shortcuts]);
}

export function useBoundShortcuts(): readonly (readonly Shortcut[])[] {
  return useStore(bound);
}

/** The name of a pressed key in the form of `Shortcut.keys`. Shift counts only where it does not make another character. */
export function keyName(event: KeyboardEvent): string {
  const character = event.key.length === 1;
  const modifiers = [
    event.ctrlKey || event.metaKey ? "Ctrl+" : "",
    event.altKey ? "Alt+" : "",
    event.shiftKey && (!character || event.ctrlKey || event.metaKey) ? "Shift+" : "",
  ];
  return modifiers.join("") + (character ? event.key.toLowerCase() : event.key);
}

function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

/** Run the shortcut of a pressed key, the one that was bound last first. */
export function handleKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing) return;
  const dialog = document.querySelector("[role=dialog],[role=alertdialog],[role=menu]");
  if (dialog?.contains(event.target as Node)) return;
  const name = keyName(event);
  const inField = typing(event.target);
  for (const shortcut of bound.snapshot().toReversed().flat()) {
    if (!shortcut.keys.includes(name) || (inField && !shortcut.inFields)) continue;
    if (shortcut.run(event) !== false) {
      event.preventDefault();
      return;
    }
  }
}
