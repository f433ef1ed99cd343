import { IconButton } from "@/components/Button";
import { Icon } from "@/components/Icon";
import { toast, toastError } from "@/components/toast";
import { useSettingsText } from "@/i18n/settings";

/** Text to copy, such as a command or a configuration. */
export function CopyText({ children, label }: { children: string; label: string }) {
  const text = useSettingsText();
  return (
    <div className="flex items-start rounded-button border border-line bg-soft">
      <pre
        tabIndex={0}
        aria-label={label}
        className="min-w-0 grow overflow-x-auto px-3.5 py-2.5 font-mono text-[13px] leading-5"
      >
        {children}
      </pre>
      <IconButton
        label={`${text.copy}: ${label}`}
        className="m-0.5"
        onClick={() => void navigator.clipboard.writeText(children).then(() => toast(text.copied), toastError)}
      >
        <Icon name="copy" size={18} />
      </IconButton>
    </div>
  );
}
