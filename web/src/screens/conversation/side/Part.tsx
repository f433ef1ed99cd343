import { type ReactNode, useId } from "react";

/** A part of the side column, with its heading. */
export function Part({ title, children }: { title: string; children: ReactNode }) {
  const id = useId();
  return (
    <section aria-labelledby={id}>
      <h2 id={id} className="pb-3 text-[13px] font-semibold text-muted">
        {title}
      </h2>
      {children}
    </section>
  );
}
