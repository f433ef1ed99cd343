import { isRouteErrorResponse, Link, useRouteError } from "react-router";

import { Page } from "@/components/Page";
import { useCommonText } from "@/i18n/common";

/** Instead of a screen whose code failed. */
export function Failure() {
  const text = useCommonText();
  const error = useRouteError();
  if (isRouteErrorResponse(error) && error.status === 404) return <NotFound />;
  return (
    <Page title={text.failed}>
      <p className="text-muted">{error instanceof Error ? error.message : String(error)}</p>
      <p className="mt-4">
        <a href={location.pathname} className="text-accent underline">
          {text.retry}
        </a>
      </p>
    </Page>
  );
}

export function NotFound() {
  const text = useCommonText();
  return (
    <Page title={text.notFound}>
      <Link to="/" className="text-accent underline">
        {text.toArchive}
      </Link>
    </Page>
  );
}
