import { useCallback, useMemo, useState } from "react";

export interface Selection {
  ids: ReadonlySet<number>;
  /** Select or not. `range`: all from the row that was changed last to this one, as that one. */
  toggle: (id: number, range: boolean) => void;
  all: () => void;
  clear: () => void;
}

/** Which of the shown rows are selected; `shown` are their ids in order. */
export function useSelection(shown: readonly number[]): Selection {
  const [chosen, setChosen] = useState<ReadonlySet<number>>(new Set());
  const [last, setLast] = useState<number>();
  const toggle = useCallback(
    (id: number, range: boolean) => {
      setChosen((before) => toggled(before, shown, id, range ? last : undefined));
      setLast(id);
    },
    [shown, last],
  );
  // What is not shown any more is not selected: nothing unseen is deleted.
  const ids = useMemo(() => new Set(shown.filter((id) => chosen.has(id))), [chosen, shown]);
  const all = useCallback(() => setChosen(new Set(shown)), [shown]);
  const clear = useCallback(() => setChosen(new Set()), []);
  return useMemo(() => ({ ids, toggle, all, clear }), [ids, toggle, all, clear]);
}

/** The selection after a click on `id`; `from` is where a range begins. */
export function toggled(
  before: ReadonlySet<number>,
  shown: readonly number[],
  id: number,
  from: number | undefined,
): ReadonlySet<number> {
  const after = new Set(before);
  const begin = from === undefined ? -1 : shown.indexOf(from);
  const end = shown.indexOf(id);
  if (begin >= 0 && end >= 0 && from !== undefined) {
    const on = before.has(from);
    for (const each of shown.slice(Math.min(begin, end), Math.max(begin, end) + 1)) {
      if (on) after.add(each);
      else after.delete(each);
    }
  } else if (!after.delete(id)) after.add(id);
  return after;
}
