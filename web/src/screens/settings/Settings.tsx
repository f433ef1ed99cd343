import { type ComponentType, lazy, Suspense } from "react";
import { NavLink, useNavigate, useParams } from "react-router";

import { useMay } from "@/api/me";
import { NotFound } from "@/app/Failure";
import { INPUT } from "@/components/Field";
import { Loading } from "@/components/Loading";
import { Page } from "@/components/Page";
import { useSettingsText } from "@/i18n/settings";

import { Browser } from "./Browser";

/** Each is a file of its own that is loaded when it is shown, but the first. */
const SECTIONS = {
  browser: Browser,
  voice: lazy(async () => ({ default: (await import("./voice/Voice")).Voice })),
  vocabulary: lazy(async () => ({ default: (await import("./Vocabulary")).Vocabulary })),
  models: lazy(async () => ({ default: (await import("./Models")).Models })),
  summaries: lazy(async () => ({ default: (await import("./summaries/Summaries")).Summaries })),
  backups: lazy(async () => ({ default: (await import("./backups/Backups")).Backups })),
  access: lazy(async () => ({ default: (await import("./access/Access")).Access })),
  operators: lazy(async () => ({ default: (await import("./operation/Operation")).Operation })),
  connect: lazy(async () => ({ default: (await import("./Connect")).Connect })),
} satisfies Record<string, ComponentType>;

type Name = keyof typeof SECTIONS;
const NAMES = Object.keys(SECTIONS) as Name[];
/** What the API answers to administrators only. */
const OF_ADMINS: readonly Name[] = ["backups"];

/** The sections at the left, or in a list on a phone, and the one that the address names. */
export function Settings() {
  const text = useSettingsText();
  const mayAll = useMay("admin");
  const section = useParams().section ?? "browser";
  const shown = NAMES.filter((name) => mayAll || !OF_ADMINS.includes(name));
  const name = shown.find((one) => one === section);
  if (!name) return <NotFound />;
  const Section = SECTIONS[name];
  return (
    <Page title={text.title}>
      <div className="grid grid-cols-[minmax(0,1fr)] gap-x-12 gap-y-6 md:grid-cols-[180px_minmax(0,720px)]">
        <SectionList names={shown} current={name} />
        <div className="grid min-w-0 content-start gap-10">
          <Suspense fallback={<Loading />}>
            <Section />
          </Suspense>
        </div>
      </div>
    </Page>
  );
}

function SectionList({ names, current }: { names: readonly Name[]; current: Name }) {
  const text = useSettingsText();
  const navigate = useNavigate();
  return (
    <>
      <select
        aria-label={text.sections}
        className={`${INPUT} md:hidden`}
        value={current}
        onChange={(event) => void navigate(`/settings/${event.target.value}`)}
      >
        {names.map((name) => (
          <option key={name} value={name}>
            {text[name]}
          </option>
        ))}
      </select>
      <nav aria-label={text.sections} className="hidden md:block">
        <ul className="sticky top-7 -ml-3 grid gap-0.5">
          {names.map((name) => (
            <li key={name}>
              <NavLink
                to={`/settings/${name}`}
                aria-current={name === current ? "page" : undefined}
                className="block rounded-button px-3 py-1.5 text-muted hover:bg-soft aria-[current=page]:bg-soft aria-[current=page]:font-medium aria-[current=page]:text-ink"
              >
                {text[name]}
              </NavLink>
            </li>
          ))}
        </ul>
      </nav>
    </>
  );
}
