import { Button } from "@/components/Button";
import { useLocale } from "@/i18n/language";
import { useSettingsText } from "@/i18n/settings";

interface PagesProps {
  /** The first page is 0. */
  page: number;
  pageSize: number;
  total: number;
  onPage: (page: number) => void;
}

/** Buttons between the pages of a list that has the newest first. */
export function Pages({ page, pageSize, total, onPage }: PagesProps) {
  const text = useSettingsText();
  const locale = useLocale();
  if (total <= pageSize) return null;
  return (
    <div className="mt-3 flex items-center gap-2">
      <Button size="small" disabled={page === 0} onClick={() => onPage(page - 1)}>
        {text.newer}
      </Button>
      <Button size="small" disabled={(page + 1) * pageSize >= total} onClick={() => onPage(page + 1)}>
        {text.older}
      </Button>
      <span className="text-[13px] text-muted">{text.total(new Intl.NumberFormat(locale).format(total))}</span>
    </div>
  );
}
