import { type ReactNode, useId } from "react";

interface PartProps {
  title: string;
  hint?: string;
  actions?: ReactNode;
  /** Why the content is not there. */
  failure?: Error | null;
  children: ReactNode;
}

/** A part of a section: a heading, what it is about, its buttons and its content. */
export function Part({ title, hint, actions, failure, children }: PartProps) {
  const id = useId();
  return (
    <section aria-labelledby={id} className="min-w-0">
      <div className="mb-4 flex flex-wrap items-start gap-x-4 gap-y-2">
        <div className="min-w-50 flex-1">
          <h2 id={id} className="text-lg font-semibold">
            {title}
          </h2>
          {hint && <p className="mt-0.5 max-w-[68ch] text-muted">{hint}</p>}
        </div>
        {actions && <div className="flex flex-wrap gap-2">{actions}</div>}
      </div>
      {failure && (
        <p role="alert" className="mb-4 text-danger">
          {failure.message}
        </p>
      )}
      {children}
    </section>
  );
}

/** The rows of a list within a part. */
export const ROWS = "divide-y divide-line rounded-panel border border-line bg-panel";
export const ROW = "flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-3";
