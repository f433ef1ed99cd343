import type { ReactNode } from "react";

/** Where there is nothing yet: what will be here, and what to do. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="grid justify-items-center gap-2 px-4 py-16 text-center">
      <p className="text-lg font-semibold">{title}</p>
      {children && <div className="max-w-110 text-muted">{children}</div>}
    </div>
  );
}
