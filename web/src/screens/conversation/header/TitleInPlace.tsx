import { useState } from "react";

import { useMay } from "@/api/me";
import { TitleField } from "@/components/TitleField";
import { useActionsText } from "@/i18n/actions";

interface TitleInPlaceProps {
  title: string;
  onChange: (title: string) => void;
}

/** The title, which becomes a field when it is clicked. */
export function TitleInPlace({ title, onChange }: TitleInPlaceProps) {
  const text = useActionsText();
  const mayWrite = useMay("writer");
  const [editing, setEditing] = useState(false);
  if (!mayWrite) return title;
  if (editing) {
    const done = (changed?: string) => {
      setEditing(false);
      if (changed) onChange(changed);
    };
    return <TitleField title={title} label={text.rename} onDone={done} />;
  }
  return (
    <button
      type="button"
      title={text.rename}
      onClick={() => setEditing(true)}
      className="-mx-2 rounded-lg px-2 text-left wrap-anywhere hover:bg-soft"
    >
      {title}
    </button>
  );
}
