import { useMemo } from "react";

import { useArchiveText } from "@/i18n/archive";
import { type Shortcut, useShortcuts } from "@/lib/keyboard";

const LINKS = "a[data-row]";

/** Keys that move from row to row and select them. Enter opens the row, as its link has the focus. */
export function useRowKeys(onSelect: (id: number, range: boolean) => void): void {
  const text = useArchiveText();
  const shortcuts = useMemo<Shortcut[]>(
    () => [
      { keys: ["j", "ArrowDown"], description: text.nextRow, run: () => move(1) },
      { keys: ["k", "ArrowUp"], description: text.previousRow, run: () => move(-1) },
      {
        keys: ["x"],
        description: text.selectRow,
        run: ({ shiftKey }) => {
          const id = document.activeElement?.closest("li,article")?.querySelector<HTMLElement>(LINKS)?.dataset.row;
          if (id === undefined) return false;
          onSelect(Number(id), shiftKey);
        },
      },
    ],
    [text, onSelect],
  );
  useShortcuts(shortcuts);
}

/** Give the next row the focus; from elsewhere the first one on the screen. */
function move(step: 1 | -1): boolean {
  const links = [...document.querySelectorAll<HTMLElement>(LINKS)];
  const present = links.findIndex((link) => link.closest("li,article")?.contains(document.activeElement));
  const first = links.findIndex((link) => link.getBoundingClientRect().top >= 0);
  const next = links[present < 0 ? first : present + step];
  if (!next) return false;
  next.focus({ preventScroll: true });
  next.closest("li,article")?.scrollIntoView({ block: "nearest" });
  return true;
}
