import { lazy, type ReactNode, Suspense } from "react";
import { Link } from "react-router";

import type { ConversationHead } from "@/api/conversations";
import { Chip } from "@/components/Chip";
import { useTitle } from "@/components/Page";
import { useCommonText } from "@/i18n/common";
import { useConversationText } from "@/i18n/conversation";
import { useLocale } from "@/i18n/language";
import { languageName } from "@/lib/languages";
import { clock, moment } from "@/lib/time";
import { titleOf } from "@/lib/titles";
import { useConversationChange } from "@/lib/useConversationChange";

import { TitleInPlace } from "./TitleInPlace";

const Tags = lazy(async () => ({ default: (await import("./Tags")).Tags }));

interface HeaderProps {
  head: ConversationHead;
  /** What can be done with it. */
  actions?: ReactNode;
}

/** What the conversation is, and what can be done with it. */
export function Header({ head, actions }: HeaderProps) {
  const change = useConversationChange(head.id);
  const text = useConversationText();
  const common = useCommonText();
  const locale = useLocale();
  const name = titleOf(head.title) ?? text.title;
  useTitle(name);
  const languages = head.languages.length ? head.languages : head.language ? [head.language] : [];
  const facts = [
    moment(head.start_time, locale),
    head.duration === null ? "" : clock(head.duration),
    languages.map((code) => languageName(code, locale)).join(", "),
  ];
  return (
    <header className="flex flex-wrap items-start gap-x-4 gap-y-2.5">
      <div className="min-w-0 grow basis-80">
        <Link to="/" className="text-[13px] text-muted hover:text-ink">
          {common.archive}
        </Link>
        <h1 dir="auto" className="text-title wrap-anywhere">
          <TitleInPlace title={name} onChange={(title) => change.mutate({ title })} />
        </h1>
        <div className="mt-1 flex min-h-7 flex-wrap items-center gap-x-2 gap-y-1.5 text-muted">
          <span>{facts.filter(Boolean).join(" · ")}</span>
          <Suspense fallback={<PlaceOfTags tags={head.tags} />}>
            <Tags tags={head.tags} onChange={(tags) => change.mutate({ tags })} />
          </Suspense>
        </div>
      </div>
      <div className="flex flex-wrap gap-2">{actions}</div>
    </header>
  );
}

/** As large as the tags and their button, so that nothing moves when these are loaded. */
function PlaceOfTags({ tags }: { tags: readonly string[] }) {
  const text = useConversationText();
  return (
    <>
      {tags.map((tag) => (
        <Chip key={tag} className="pr-8">
          {tag}
        </Chip>
      ))}
      <span className="invisible h-7 rounded-chip border px-3 text-[13px]">+ {text.tag}</span>
    </>
  );
}
