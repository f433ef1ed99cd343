import { useCommonText } from "@/i18n/common";

/** While a screen or its data is on the way. It appears after a moment only, so that fast answers do not flicker. */
export function Loading() {
  const text = useCommonText();
  return (
    <p role="status" className="animate-[appear_200ms_400ms_both] p-10 text-muted">
      {text.loading} …
    </p>
  );
}
