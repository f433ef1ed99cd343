import { Dialog } from "@/components/Dialog";
import { useCommonText } from "@/i18n/common";
import { useBoundShortcuts } from "@/lib/keyboard";

/** The keys that the present screen has. */
export function KeyList({ onClose }: { onClose: () => void }) {
  const text = useCommonText();
  const bound = useBoundShortcuts();
  return (
    <Dialog open onOpenChange={onClose} title={text.keys} description={text.keysHint}>
      <dl className="grid grid-cols-[auto_1fr] items-baseline gap-x-6 gap-y-2">
        {bound.flat().map((shortcut) => (
          <div key={shortcut.keys.join()} className="contents">
            <dt className="flex flex-wrap gap-1">
              {abridged(shortcut.keys).map((key) => (
                <kbd key={key} className="rounded-md border border-line bg-soft px-1.5 font-sans text-[13px]">
                  {shown(key)}
                </kbd>
              ))}
            </dt>
            <dd>{shortcut.description}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}

/** The first and the last of many. */
function abridged(keys: readonly string[]): readonly string[] {
  return keys.length > MAX_SHOWN ? [keys[0] ?? "", "…", keys.at(-1) ?? ""] : keys;
}

const MAX_SHOWN = 3;
const NAMES: Record<string, string> = { " ": "Space", ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→" };

function shown(key: string): string {
  return key.replace(/[^+]+$|^\+$/, (last) => NAMES[last] ?? (last.length === 1 ? last.toUpperCase() : last));
}
