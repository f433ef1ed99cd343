import { useCallback } from "react";

import { useMay } from "@/api/me";
import { ButtonLink } from "@/components/Button";
import { Page } from "@/components/Page";
import { useArchiveText } from "@/i18n/archive";

import { AskButton } from "./ask/AskButton";
import { FilterChips } from "./filters/FilterChips";
import { FilterMenu } from "./filters/FilterMenu";
import { useFilters } from "./filters/useFilters";
import { SearchField } from "./find/SearchField";
import { Results } from "./Results";
import { AddRecordings } from "./work/AddRecordings";
import { DropArea } from "./work/DropArea";
import { useOptions } from "./work/options";
import { addUploads } from "./work/uploads";
import { Work } from "./work/Work";

/** All conversations: add, find, order. */
export function Archive() {
  const text = useArchiveText();
  const may = useMay("writer");
  const [filters, change] = useFilters();
  const [options] = useOptions();
  const add = useCallback((files: readonly File[]) => addUploads(files, options), [options]);
  const search = useCallback((q: string) => change({ q }, true), [change]);
  return (
    <Page
      title={text.title}
      actions={
        may && (
          <>
            <AddRecordings onFiles={add} />
            <ButtonLink to="/live" className="max-sm:hidden">
              {text.record}
            </ButtonLink>
          </>
        )
      }
    >
      {may && <DropArea onFiles={add} />}
      <div role="search" className="mb-4.5 flex flex-wrap items-center gap-2">
        <div className="min-w-60 grow basis-60">
          <SearchField value={filters.q} onChange={search} />
        </div>
        <AskButton question={filters.q} />
        <FilterChips filters={filters} onChange={change} />
        <FilterMenu filters={filters} onChange={change} />
      </div>
      <Work />
      <Results filters={filters} onChange={change} whenEmpty={may ? text.emptyHint : text.emptyReader} />
      {may && <p className="mt-5 pb-16 text-center text-[13px] text-muted">{text.dropAnywhere}</p>}
    </Page>
  );
}
