import { useMay } from "@/api/me";
import { Chip } from "@/components/Chip";
import { Popover, PopoverContent, PopoverTrigger } from "@/components/Popover";
import { TagEditor } from "@/components/TagEditor";
import { useActionsText } from "@/i18n/actions";
import { useCommonText } from "@/i18n/common";
import { useConversationText } from "@/i18n/conversation";

interface TagsProps {
  tags: readonly string[];
  onChange: (tags: string[]) => void;
}

/** The tags, and a button for more. */
export function Tags({ tags, onChange }: TagsProps) {
  const text = useActionsText();
  const conversation = useConversationText();
  const common = useCommonText();
  const mayWrite = useMay("writer");
  const remove = (tag: string) => onChange(tags.filter((each) => each !== tag));
  return (
    <>
      {tags.map((tag) => (
        <Chip key={tag} {...(mayWrite && { onRemove: () => remove(tag), removeLabel: common.removeTag(tag) })}>
          {tag}
        </Chip>
      ))}
      {mayWrite && (
        <Popover>
          <PopoverTrigger asChild>
            <button
              type="button"
              className="h-7 rounded-chip border border-dashed border-line px-3 text-[13px] hover:bg-soft hover:text-ink"
            >
              + {conversation.tag}
            </button>
          </PopoverTrigger>
          <PopoverContent align="start" aria-label={text.tags} className="w-70">
            <TagEditor tags={tags} onAdd={(tag) => onChange([...tags, tag])} onRemove={remove} />
          </PopoverContent>
        </Popover>
      )}
    </>
  );
}
