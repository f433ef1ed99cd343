import { useState } from "react";

import { Input } from "@/components/Field";
import { Popover, PopoverContent, PopoverTrigger } from "@/components/Popover";
import { useArchiveText } from "@/i18n/archive";

import { Choices } from "./Choices";
import type { Filters } from "./filters";

interface FilterMenuProps {
  filters: Filters;
  onChange: (change: Partial<Filters>) => void;
}

/** The button that adds a filter. */
export function FilterMenu({ filters, onChange }: FilterMenuProps) {
  const text = useArchiveText();
  const [open, setOpen] = useState(false);
  return (
    <Popover open={open} onOpenChange={setOpen}>
      <PopoverTrigger className="h-8 rounded-chip border border-dashed border-line px-3.5 text-[13px] whitespace-nowrap text-muted hover:bg-soft hover:text-ink">
        + {text.filter}
      </PopoverTrigger>
      <PopoverContent align="end" aria-label={text.filterBy} className="w-80! p-2!">
        <Choices
          filters={filters}
          onChoose={(change) => {
            setOpen(false);
            onChange(change);
          }}
        />
        <div className="grid grid-cols-2 gap-2 border-t border-line px-2 pt-3 pb-1">
          {(["since", "until"] as const).map((name) => (
            <label key={name} className="grid gap-1 text-[13px] text-muted">
              {name === "since" ? text.from : text.to}
              <Input
                type="date"
                className="h-8! text-[13px]"
                value={filters[name] ?? ""}
                onChange={({ target }) => onChange({ [name]: target.value || undefined })}
              />
            </label>
          ))}
        </div>
      </PopoverContent>
    </Popover>
  );
}
