import { type ReactNode, useEffect } from "react";

import { cx } from "./cx";

interface PageProps {
  /** The heading, and the title of the browser's tab. */
  title: string;
  actions?: ReactNode;
  /** The children have a heading of their own. */
  hidesHeading?: boolean;
  children: ReactNode;
  className?: string;
}

/** A screen: its heading, its buttons, and its content in a column of at most 1,100 px. */
export function Page({ title, actions, hidesHeading, children, className }: PageProps) {
  useTitle(title);
  return (
    <div className={cx("mx-auto w-full max-w-[1180px] px-4 py-5 sm:px-10 sm:py-7", className)}>
      {!hidesHeading && (
        <header className="mb-5 flex min-h-9 flex-wrap items-center gap-3">
          <h1 className="grow text-title">{title}</h1>
          {actions}
        </header>
      )}
      {children}
    </div>
  );
}

/** Set the title of the browser's tab. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Vivavoce`;
  }, [title]);
}
